package lenet

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoSleep: nothing that a step can reach waits by time.Sleep or a timer.
func TestNoSleep(t *testing.T) {
	waits := map[string]bool{"Sleep": true, "After": true, "AfterFunc": true, "NewTimer": true, "Tick": true, "NewTicker": true}
	files := 0
	for _, folder := range []string{".", "../kernels", "../internal/random"} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			name := entry.Name()
			if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				continue
			}
			files++
			positions := token.NewFileSet()
			file, err := parser.ParseFile(positions, filepath.Join(folder, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if p, ok := s.X.(*ast.Ident); ok && p.Name == "time" && waits[s.Sel.Name] {
						t.Errorf("%s: time.%s", positions.Position(s.Pos()), s.Sel.Name)
					}
				}
				return true
			})
		}
	}
	if files < 20 {
		t.Errorf("looked at %d files only", files)
	}
}
