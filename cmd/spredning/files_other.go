//go:build !unix

package main

// mostFiles is how many files the process may have open at the same time; 0: nobody knows.
func mostFiles() uint64 { return 0 }
