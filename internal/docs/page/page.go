// Package page writes pages that are made from the code or from files, or checks
// that they are what these say.
package page

import (
	"bytes"
	"fmt"
	"os"
)

// Put writes a page or, to check, fails if what is there is another; command
// makes it anew.
func Put(path string, page []byte, check bool, command string) error {
	if !check {
		return os.WriteFile(path, page, 0o644)
	}
	found, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(found, page) {
		return fmt.Errorf("%s: is stale; run: %s", path, command)
	}
	return nil
}
