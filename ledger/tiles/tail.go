package tiles

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

const (
	frameMagic  = "\xf5SPT"
	frameHeader = 12      // magic, length, checksum
	frameFixed  = 12      // first, count
	maxFrame    = 1 << 30 // bytes of a payload: far more than any batch, well inside uint32
	keepBuffer  = 8 << 20 // a frame buffer above this is not kept for the next
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame is a batch of entries and the checkpoint over all up to its end.
type frame struct {
	first      int64
	entries    [][]byte
	checkpoint []byte
}

// next is the index after the frame's last entry.
func (f frame) next() int64 { return f.first + int64(len(f.entries)) }

// appendFrame adds f to dst as the package documentation says.
func appendFrame(dst []byte, f frame) ([]byte, error) {
	length := frameFixed + encodedSize(f.entries) + len(f.checkpoint)
	if length > maxFrame {
		return nil, fmt.Errorf("a batch of %d bytes is over the limit of %d", length, maxFrame)
	}
	start := len(dst)
	dst = slices.Grow(dst, frameHeader+length)
	dst = append(dst, frameMagic...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(length))
	dst = append(dst, 0, 0, 0, 0) // the checksum
	dst = binary.BigEndian.AppendUint64(dst, uint64(f.first))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(f.entries)))
	dst = appendEntries(dst, f.entries)
	dst = append(dst, f.checkpoint...)
	sum := crc32.Checksum(dst[start+frameHeader:], castagnoli)
	binary.BigEndian.PutUint32(dst[start+frameHeader-4:], sum)
	return dst, nil
}

// framePayload returns the payload of the frame at the start of b, or says
// what keeps it from being one.
func framePayload(b []byte) ([]byte, error) {
	if len(b) < frameHeader {
		return nil, errors.New("frame header is cut short")
	}
	if string(b[:4]) != frameMagic {
		return nil, errors.New("no frame begins here")
	}
	length := binary.BigEndian.Uint32(b[4:])
	if length < frameFixed || length > maxFrame || int(length) > len(b)-frameHeader {
		return nil, errors.New("frame length is wrong or the frame is cut short")
	}
	payload := b[frameHeader : frameHeader+int(length)]
	if crc32.Checksum(payload, castagnoli) != binary.BigEndian.Uint32(b[8:]) {
		return nil, errors.New("checksum is wrong")
	}
	return payload, nil
}

// parsePayload reads a payload whose checksum is right. It shares its memory.
func parsePayload(b []byte) (frame, error) {
	f := frame{first: int64(binary.BigEndian.Uint64(b))}
	count := int(binary.BigEndian.Uint32(b[8:]))
	b = b[frameFixed:]
	for i := range count {
		entry, rest, err := cutEntry(b)
		if err != nil {
			return frame{}, fmt.Errorf("entry %d of the frame: %w", i, err)
		}
		f.entries, b = append(f.entries, entry), rest
	}
	if len(b) > 0 {
		f.checkpoint = b
	}
	return f, nil
}

// readTail reads the bytes of a tail: all its entries, the newest checkpoint,
// and where the last good frame ends, which is before len(b) when a torn one
// follows. Its errors are DamagedErrors that leave the file's name to the
// caller.
func readTail(b []byte) (all frame, end int64, err error) {
	for off := 0; off < len(b) || off == 0; {
		payload, err := framePayload(b[off:])
		if err != nil && off > 0 && !anyFrame(b[off+1:]) {
			return all, int64(off), nil
		}
		if err != nil {
			return frame{}, 0, &DamagedError{Offset: int64(off), Reason: err.Error()}
		}
		// A copy, so that the few entries still wanted later do not keep
		// the whole file in memory.
		f, err := parsePayload(bytes.Clone(payload))
		if err == nil {
			err = follows(all, f, off == 0)
		}
		if err != nil {
			return frame{}, 0, &DamagedError{Offset: int64(off), Reason: err.Error()}
		}
		if off == 0 {
			all.first = f.first
		}
		all.entries = append(all.entries, f.entries...)
		all.checkpoint = f.checkpoint
		off += frameHeader + len(payload)
	}
	return all, int64(len(b)), nil
}

// follows says why f cannot be the first frame, or cannot come after all.
func follows(all, f frame, first bool) error {
	switch {
	case first && (f.first < 0 || f.first%tileWidth != 0):
		return fmt.Errorf("tail begins at entry %d, which begins no bundle", f.first)
	case !first && f.first != all.next():
		return fmt.Errorf("frame begins at entry %d, want %d", f.first, all.next())
	case f.checkpoint == nil && (!first || f.next() > 0):
		return errors.New("frame has no checkpoint")
	}
	return nil
}

// anyFrame says whether a good frame begins anywhere in b.
func anyFrame(b []byte) bool {
	for {
		i := bytes.Index(b, []byte(frameMagic))
		if i < 0 {
			return false
		}
		if _, err := framePayload(b[i:]); err == nil {
			return true
		}
		b = b[i+1:]
	}
}

// tail is the open file. Its methods are called by one goroutine at a time.
type tail struct {
	disk disk
	path string
	file *os.File
	end  int64 // where the last good frame ends
	buf  []byte

	torn    bool // there may be bytes after end
	renamed bool // the file's name may not be durable yet
	reading bool // the file is open for reading only: the disk was read-only
}

// createTail writes the tail of an empty log under its name.
func createTail(d disk, path string) error {
	b, err := appendFrame(nil, frame{})
	if err != nil {
		return err
	}
	f, err := writeTemp(d, path, b)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := d.sync(f); err != nil {
		return fmt.Errorf("syncing %s: %w", f.Name(), err)
	}
	return d.rename(f.Name(), path)
}

// openTail opens a tail whose last good frame ends at end, and cuts off the
// rest. What is there may have been written by a process that was killed
// before it could sync, so bytes and name are synced before they count. On a disk
// that is read-only nothing is cut off until something is appended.
func openTail(d disk, path string, end int64) (*tail, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	reading := errors.Is(err, syscall.EROFS)
	if reading {
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, err
	}
	t := &tail{disk: d, path: path, file: f, end: end, torn: true, renamed: true, reading: reading}
	if reading {
		err = d.sync(f)
	} else {
		err = t.repair()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return t, nil
}

// append makes f durable, with one write and one sync. After an error the
// file is as before, or torn until repair succeeds.
func (t *tail) append(f frame) error {
	if err := t.repair(); err != nil {
		return err
	}
	b, err := appendFrame(t.buf[:0], f)
	if err != nil {
		return err
	}
	if cap(b) <= keepBuffer {
		t.buf = b
	}
	if err := t.write(b); err != nil {
		t.torn = true
		return errors.Join(err, t.repair())
	}
	t.end += int64(len(b))
	return nil
}

func (t *tail) write(b []byte) error {
	if err := t.disk.writeAt(t.file, b, t.end); err != nil {
		return fmt.Errorf("writing to %s: %w", t.path, err)
	}
	if err := t.disk.sync(t.file); err != nil {
		return fmt.Errorf("syncing %s: %w", t.path, err)
	}
	return nil
}

// repair makes up for what an earlier failure left undone. Until it succeeds
// nothing is appended: behind torn bytes, or in a file whose name could still
// be lost, an entry would not be durable.
func (t *tail) repair() error {
	if t.reading {
		f, err := os.OpenFile(t.path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		t.file.Close()
		t.file, t.reading = f, false
	}
	if t.torn {
		if err := t.disk.truncate(t.file, t.end); err != nil {
			return fmt.Errorf("cutting a torn end off %s: %w", t.path, err)
		}
		if err := t.disk.sync(t.file); err != nil {
			return fmt.Errorf("syncing %s: %w", t.path, err)
		}
		t.torn = false
	}
	if t.renamed {
		if err := t.disk.syncDir(filepath.Dir(t.path)); err != nil {
			return fmt.Errorf("syncing the directory of %s: %w", t.path, err)
		}
		t.renamed = false
	}
	return nil
}

// replace puts next, which holds size bytes that say the same as this file up
// to the offset from, in its place, after adding what was appended since.
func (t *tail) replace(next *os.File, size, from int64) error {
	rest := make([]byte, t.end-from)
	if _, err := t.file.ReadAt(rest, from); err != nil {
		return fmt.Errorf("reading %s: %w", t.path, err)
	}
	if err := t.disk.writeAt(next, rest, size); err != nil {
		return fmt.Errorf("writing %s: %w", next.Name(), err)
	}
	if err := t.disk.sync(next); err != nil {
		return fmt.Errorf("syncing %s: %w", next.Name(), err)
	}
	if err := t.disk.rename(next.Name(), t.path); err != nil {
		return err
	}
	t.file.Close()
	t.file, t.end = next, size+int64(len(rest))
	t.torn, t.renamed = false, true
	return t.repair()
}
