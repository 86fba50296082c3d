// Command gen writes kernelet's assembly, for each operation and instruction
// set one .s file with its Go stubs, and the tables through which package
// kernels calls it. Its argument is the module's root.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/kernelet/kernelet/gen/adam"
	"github.com/kernelet/kernelet/gen/conv1"
	"github.com/kernelet/kernelet/gen/conv2"
	"github.com/kernelet/kernelet/gen/direct"
	"github.com/kernelet/kernelet/gen/extension"
	"github.com/kernelet/kernelet/gen/fc1"
	"github.com/kernelet/kernelet/gen/fc2"
	"github.com/kernelet/kernelet/gen/input"
	"github.com/kernelet/kernelet/gen/isa"
	"github.com/kernelet/kernelet/gen/peak"
	"github.com/kernelet/kernelet/gen/single"
)

var operations = []struct {
	name string
	emit func(*isa.File)
}{
	{"input", input.Emit},
	{"conv1", conv1.Emit},
	{"conv2", conv2.Emit},
	{"fc1", fc1.Emit},
	{"fc2", fc2.Emit},
	{"adam", adam.Emit},
	{"direct", direct.Emit},
	{"peak", peak.Emit},
	{"single", single.Emit},
	{"extension", extension.Emit},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen FOLDER")
		os.Exit(2)
	}
	if err := generate(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate writes asm and the wiring of kernels below the module's root.
func generate(root string) error {
	var files []*isa.File
	for _, target := range isa.Targets {
		for _, operation := range operations {
			file := isa.NewFile(target, operation.name)
			operation.emit(file)
			if err := file.Write(filepath.Join(root, "asm")); err != nil {
				return err
			}
			files = append(files, file)
		}
	}
	return writeWiring(filepath.Join(root, "kernels"), files)
}
