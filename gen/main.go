// Command gen writes kernelet's assembly: for each operation and instruction
// set one .s file with its Go stubs, below the folder that is its argument.
package main

import (
	"fmt"
	"os"

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
	for _, target := range isa.Targets {
		for _, operation := range operations {
			if operation.name == "extension" && !target.Masks {
				continue
			}
			file := isa.NewFile(target, operation.name)
			operation.emit(file)
			if err := file.Write(os.Args[1]); err != nil {
				fmt.Fprintln(os.Stderr, "gen:", err)
				os.Exit(1)
			}
		}
	}
}
