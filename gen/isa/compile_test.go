package isa

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// written compiles a file with one kernel, whose body is emit, for a target.
func written(t *testing.T, target Target, emit func(k *Kernel)) error {
	t.Helper()
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, target.Name), 0o755); err != nil {
		t.Fatal(err)
	}
	f := NewFile(target, "test")
	k := f.WideFunction("Probe", "x []float32", "is a test.")
	k.Comment("the test's body")
	emit(k)
	k.Return()
	return f.Write(folder)
}

// TestHeads: a function's assembly begins with its sentence and the registers it
// got, and a kernel without a comment about its loops is refused.
func TestHeads(t *testing.T) {
	for _, target := range Targets {
		folder := t.TempDir()
		if err := os.Mkdir(filepath.Join(folder, target.Name), 0o755); err != nil {
			t.Fatal(err)
		}
		f := NewFile(target, "test")
		k := f.WideFunction("Probe", "x []float32", "is a test.")
		k.Comment("x = x")
		sums(3)(k)
		k.Return()
		if err := f.Write(folder); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(folder, target.Name, "test_amd64.s"))
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("// Probe is a test.\n\t// Registers: 3 of %d vectors, 1 of 14 general.\n", target.Registers)
		if !strings.Contains(string(content), want) {
			t.Errorf("%s: expected %q in:\n%s", target.Name, want, content)
		}

		func() {
			defer func() {
				if refused := recover(); refused == nil || !strings.Contains(fmt.Sprint(refused), "Probe") {
					t.Errorf("%s: no comment: expected a panic that names the kernel, got %v", target.Name, refused)
				}
			}()
			NewFile(target, "test").WideFunction("Probe", "x []float32", "is a test.").Return()
		}()
	}
}

// sums keeps n vectors live at once.
func sums(n int) func(k *Kernel) {
	return func(k *Kernel) {
		x := k.Pointer("x")
		var live []V
		for i := range n {
			live = append(live, k.LoadVector(At(x, i*k.Bytes())))
		}
		for i, v := range live {
			k.StoreVector(v, At(x, i*k.Bytes()))
		}
	}
}

// TestRegisterBudget: as many vectors as the target has registers compile, one
// more is an error that names the kernel.
func TestRegisterBudget(t *testing.T) {
	for _, target := range Targets {
		if err := written(t, target, sums(target.Registers)); err != nil {
			t.Errorf("%s: %d vectors: %v", target.Name, target.Registers, err)
		}
		err := written(t, target, sums(target.Registers+1))
		if err == nil || !strings.Contains(err.Error(), "Probe") || !strings.Contains(err.Error(), target.Name) {
			t.Errorf("%s: %d vectors: expected an error that names the kernel and the target, got %v", target.Name, target.Registers+1, err)
		}
	}
}

// TestFeatures: an instruction that dispatch does not test for is an error that
// names the kernel and the feature.
func TestFeatures(t *testing.T) {
	for _, target := range Targets {
		err := written(t, target, func(k *Kernel) {
			v := k.Zero()
			if target.Masks {
				k.VPDPBUSD(v, v, v)
			} else {
				k.VPXORD(v, v, v)
			}
		})
		if err == nil || !strings.Contains(err.Error(), "Probe") || !strings.Contains(err.Error(), "AVX512") {
			t.Errorf("%s: expected an error that names the kernel and the feature, got %v", target.Name, err)
		}
	}
}
