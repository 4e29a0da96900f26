package opendata

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// output is a file that is being written, and hashed meanwhile.
type output struct {
	file   *os.File
	buffer *bufio.Writer
	hash   hash.Hash
	size   int64
}

func create(dir, name string) (*output, error) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	o := &output{file: f, hash: sha256.New()}
	o.buffer = bufio.NewWriterSize(io.MultiWriter(f, o.hash), 64<<10)
	return o, nil
}

func (o *output) Write(b []byte) (int, error) {
	o.size += int64(len(b))
	return o.buffer.Write(b)
}

// finish ends the file and gives what it is.
func (o *output) finish() (Part, error) {
	if err := o.buffer.Flush(); err != nil {
		return Part{}, err
	}
	return Part{o.size, hex.EncodeToString(o.hash.Sum(nil))}, o.file.Close()
}

// abandon closes what was not finished.
func (o *output) abandon() { _ = o.file.Close() }

// zipped is an output with a second one that holds the same, compressed.
type zipped struct {
	plain, small *output
	gzip         *gzip.Writer
}

// createZipped makes both; without small there is only the plain one.
func createZipped(dir, name string, small bool) (*zipped, error) {
	plain, err := create(dir, name)
	if err != nil || !small {
		return &zipped{plain: plain}, err
	}
	z := &zipped{plain: plain}
	if z.small, err = create(dir, name+gzipped); err != nil {
		plain.abandon()
		return nil, err
	}
	z.gzip = gzip.NewWriter(z.small) // its header has no name and no time
	return z, nil
}

// gzipped ends the name of a compressed file.
const gzipped = ".gz"

func (z *zipped) Write(b []byte) (int, error) {
	if z.gzip != nil {
		if _, err := z.gzip.Write(b); err != nil {
			return 0, err
		}
	}
	return z.plain.Write(b)
}

func (z *zipped) finish() (plain Part, small *Part, err error) {
	if plain, err = z.plain.finish(); err != nil || z.gzip == nil {
		return plain, nil, err
	}
	if err := z.gzip.Close(); err != nil {
		return plain, nil, err
	}
	part, err := z.small.finish()
	return plain, &part, err
}

func (z *zipped) abandon() {
	z.plain.abandon()
	if z.small != nil {
		z.small.abandon()
	}
}
