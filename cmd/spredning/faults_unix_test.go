//go:build unix

package main

import (
	"os"
	"syscall"
	"unsafe"
)

// few is the program when it may have few files open.
func few() {
	var limit syscall.Rlimit
	noErrorOf(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	limit.Max = min(limit.Max, 1000)
	limit.Cur = limit.Max
	noErrorOf(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	main()
}

// cutPower has the file system of a folder forget all that is not on the disk, and take nothing
// more: FS_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH of Linux.
func cutPower(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	how := uint32(2)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), 0x8004587d, uintptr(unsafe.Pointer(&how))); errno != 0 {
		return errno
	}
	return nil
}
