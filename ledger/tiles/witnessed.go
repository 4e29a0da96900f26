package tiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// witnessedName is the file of the newest checkpoint that witnesses have cosigned.
const witnessedName = "witnessed"

// Witnessed reads what KeepWitnessed has kept, nil if there is nothing.
func (l *Log) Witnessed() ([]byte, error) {
	b, err := os.ReadFile(l.file(witnessedName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// KeepWitnessed keeps a checkpoint with its cosignatures beside the log, in the
// place of the one before; nil: none is kept any more. When it returns nil that is
// durable. It has one caller at a time, and does not wait for Append.
func (l *Log) KeepWitnessed(checkpoint []byte) error {
	if l.readOnly {
		return ErrReadOnly
	}
	if err := l.replaceWitnessed(checkpoint); err != nil {
		return fmt.Errorf("keeping the witnessed checkpoint: %w", err)
	}
	return nil
}

func (l *Log) replaceWitnessed(checkpoint []byte) error {
	path := l.file(witnessedName)
	if checkpoint == nil {
		// A read-only disk would refuse to remove even what is not there.
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		return l.disk.syncDir(l.dir)
	}
	f, err := writeTemp(l.disk, path, checkpoint)
	if err != nil {
		return err
	}
	if err := l.disk.sync(f); err != nil {
		discard(f)
		return err
	}
	f.Close()
	if err := l.disk.rename(f.Name(), path); err != nil {
		return err
	}
	return l.disk.syncDir(l.dir)
}
