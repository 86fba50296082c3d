package weights

import (
	"bufio"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/template"

	"github.com/kernelet/kernelet/internal/half"
	"github.com/kernelet/kernelet/lenet"
)

//go:embed lenet.h.tmpl
var cTemplate string

//go:embed lenet.go.tmpl
var goTemplate string

// WriteC writes a C header for microcontrollers: the weights as constants, and
// a function that reads a digit. It needs C99 or C++11 and nothing but
// <stdint.h>; the function has 14 KB of its own on the stack, and adds up in one
// fixed order.
func WriteC(w io.Writer, m *lenet.Model, t Type) error {
	return writeSource(w, m, t, cTemplate, "f")
}

// WriteGo writes a Go file of package lenet with the weights and a function
// that reads a digit, for TinyGo and for programs that are to import nothing.
func WriteGo(w io.Writer, m *lenet.Model, t Type) error {
	return writeSource(w, m, t, goTemplate, "")
}

func writeSource(w io.Writer, m *lenet.Model, t Type, text, suffix string) error {
	if err := t.check(m); err != nil {
		return err
	}
	arrays := map[string]string{}
	for _, tensor := range m.Tensors() {
		arrays[strings.ReplaceAll(tensor.Name, ".", "_")] = literals(tensor.Values, t, suffix)
	}
	parsed, err := template.New("").Funcs(template.FuncMap{"array": func(name string) string { return arrays[name] }}).Parse(text)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(w)
	if err := parsed.Execute(buffered, map[string]any{"Float16": t == Float16, "SHA256": m.SHA256()}); err != nil {
		return err
	}
	return buffered.Flush()
}

// literals writes numbers, as many a line as fit 100 columns: the shortest
// decimals that give the float32 again, or the bits of a binary16.
func literals(values []float32, t Type, suffix string) string {
	var b bytes.Buffer
	column := 0
	for _, v := range values {
		var text string
		if t == Float16 {
			text = fmt.Sprintf("0x%04x,", half.ToFloat16(v))
		} else {
			text = strconv.FormatFloat(float64(v), 'g', -1, 32)
			if !strings.ContainsAny(text, ".e") {
				text += ".0"
			}
			text += suffix + ","
		}
		if column == 0 {
			b.WriteByte('\t')
		} else if column+len(text) >= 100 {
			b.WriteString("\n\t")
			column = 0
		} else {
			b.WriteByte(' ')
		}
		b.WriteString(text)
		column += len(text) + 1
	}
	return b.String()
}
