package tiles

import (
	"os"
	"syscall"
)

// syncData makes a file's bytes and size durable, and spares the disk its times.
func syncData(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if err != syscall.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
