//go:build !unix

package main

import "errors"

func few() { main() }

func cutPower(string) error { return errors.ErrUnsupported }
