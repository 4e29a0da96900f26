//go:build unix

package main

import "syscall"

// mostFiles is how many files the process may have open at the same time; 0: nobody knows.
func mostFiles() uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return uint64(limit.Cur)
}
