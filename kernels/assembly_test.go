package kernels

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/cpuid/v2"
)

// assembly lists the generated files of an instruction set.
func assembly(t *testing.T, isa string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "asm", isa, "*.s"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no assembly of %s: %v", isa, err)
	}
	contents := map[string]string{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		contents[path] = string(content)
	}
	return contents
}

// dispatched returns the features that dispatch tests before it calls a kernel of
// a set, or one with conditions of its own, by avo's names.
func dispatched(name string) []string {
	var names []string
	for _, feature := range required[name] {
		if feature == cpuid.BMI1 {
			names = append(names, "BMI")
			continue
		}
		names = append(names, feature.String())
	}
	return names
}

// instructionSets are those with generated files.
var instructionSets = []string{"avx2", "avx512"}

// TestRequires: no kernel needs a feature that dispatch does not test. "MMX+"
// is what avo calls the prefetches, which came with SSE and are part of amd64.
func TestRequires(t *testing.T) {
	line := regexp.MustCompile(`(?m)^// Requires: (.*)$`)
	for _, isa := range instructionSets {
		for path, content := range assembly(t, isa) {
			allowed := append([]string{"SSE", "SSE2", "MMX+"}, dispatched(isa)...)
			if filepath.Base(path) == "extension_amd64.s" {
				allowed = append(allowed, dispatched("VNNIPeak")...)
			}
			for _, match := range line.FindAllStringSubmatch(content, -1) {
				for _, feature := range strings.Split(match[1], ", ") {
					if !slices.Contains(allowed, feature) {
						t.Errorf("%s requires %s; dispatch tests %s", path, feature, strings.Join(allowed, ", "))
					}
				}
			}
		}
	}
}

// TestRegisters: AVX2 has no register above 15, no 512-bit register and no
// mask. The assembler would encode them without a word.
func TestRegisters(t *testing.T) {
	forbidden := regexp.MustCompile(`\b(?:[XY](?:1[6-9]|2[0-9]|3[01])|Z(?:[0-9]|[12][0-9]|3[01])|K[0-7])\b`)
	for path, content := range assembly(t, "avx2") {
		for i, line := range strings.Split(content, "\n") {
			code, _, _ := strings.Cut(line, "//")
			if register := forbidden.FindString(code); register != "" {
				t.Errorf("%s:%d: uses %s", path, i+1, register)
			}
		}
	}
}

// TestMasks: no instruction of AVX-512 names K0, which as a write mask would
// mean no mask.
func TestMasks(t *testing.T) {
	eachInstruction(t, "avx512", func(path string, line int, code string) {
		if slices.Contains(operands(code), "K0") {
			t.Errorf("%s:%d: uses K0: %s", path, line, code)
		}
	})
}

// eachInstruction calls fn with every line of code of an instruction set.
func eachInstruction(t *testing.T, isa string, fn func(path string, line int, code string)) {
	t.Helper()
	for path, content := range assembly(t, isa) {
		for i, line := range strings.Split(content, "\n") {
			code, _, _ := strings.Cut(line, "//")
			if code = strings.TrimSpace(code); code != "" && !strings.HasPrefix(line, "#") {
				fn(path, i+1, code)
			}
		}
	}
}

// operands returns those of an instruction.
func operands(code string) []string {
	_, rest, _ := strings.Cut(code, " ")
	list := strings.Split(rest, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// TestReturns: every function clears the upper halves before every return, and
// none is marked NOSPLIT, to skip the check of the stack's size.
func TestReturns(t *testing.T) {
	for _, isa := range instructionSets {
		returns, functions := map[string]int{}, map[string]int{}
		previous := ""
		eachInstruction(t, isa, func(path string, line int, code string) {
			switch fields := strings.Fields(code); fields[0] {
			case "TEXT":
				functions[path]++
				if strings.Contains(code, "NOSPLIT") {
					t.Errorf("%s:%d: marked NOSPLIT: %s", path, line, code)
				}
			case "RET":
				returns[path]++
				if previous != "VZEROUPPER" {
					t.Errorf("%s:%d: RET follows %s", path, line, previous)
				}
			}
			previous = strings.Fields(code)[0]
		})
		for path, n := range functions {
			if returns[path] < n {
				t.Errorf("%s: %d functions, %d returns", path, n, returns[path])
			}
		}
	}
}

// TestConstants: no instruction reads beyond a table or a constant. That also
// finds a product with one float32 that does not say so (.BCST) and would read
// a whole vector. With the memory of an argument it cannot be seen here, where
// any width may be meant; TestBounds and TestExact find it there.
func TestConstants(t *testing.T) {
	symbol := regexp.MustCompile(`(\w+)<>\+(\d+)\(SB\)`)
	size := regexp.MustCompile(`(?m)^GLOBL (\w+)<>\(SB\), [A-Z|]+, \$(\d+)$`)
	for _, isa := range instructionSets {
		sizes := map[string]map[string]int{}
		for path, content := range assembly(t, isa) {
			sizes[path] = map[string]int{}
			for _, m := range size.FindAllStringSubmatch(content, -1) {
				sizes[path][m[1]], _ = strconv.Atoi(m[2])
			}
		}
		read := 0
		eachInstruction(t, isa, func(path string, line int, code string) {
			m := symbol.FindStringSubmatch(code)
			if m == nil || strings.HasPrefix(code, "DATA") || strings.HasPrefix(code, "LEAQ") {
				return // LEAQ reads nothing; what is read through its pointer, TestLists sees
			}
			read++
			offset, _ := strconv.Atoi(m[2])
			width := readWidth(code)
			if total, ok := sizes[path][m[1]]; !ok || width == 0 || offset+width > total {
				t.Errorf("%s:%d: reads %d bytes at %d of %d: %s", path, line, width, offset, total, code)
			}
		})
		if read == 0 {
			t.Errorf("%s: no constant is read", isa)
		}
	}
}

// readWidth returns the bytes that an instruction reads from memory, or 0 where
// that is not known: those of one value where it is broadcast, else of the
// widest register.
func readWidth(code string) int {
	mnemonic, _, _ := strings.Cut(code, " ")
	if strings.HasSuffix(mnemonic, ".BCST") || mnemonic == "VBROADCASTSS" || mnemonic == "VPBROADCASTD" {
		return 4
	}
	width := 0
	for _, operand := range operands(code) {
		if register := regexp.MustCompile(`^([XYZ])\d+$`).FindStringSubmatch(operand); register != nil {
			width = max(width, map[string]int{"X": 16, "Y": 32, "Z": 64}[register[1]])
		}
	}
	return width
}

// TestBF16 disassembles what the generator wrote as bytes, since neither it nor
// the Go assembler knows the instruction.
func TestBF16(t *testing.T) {
	objdump, err := exec.LookPath("objdump")
	if err != nil {
		t.Skip("needs objdump of binutils")
	}
	disassemble := func(code []byte) (instructions []string) {
		path := filepath.Join(t.TempDir(), "code")
		if err := os.WriteFile(path, code, 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(objdump, "-D", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", path).Output()
		if err != nil {
			t.Skipf("needs an objdump for x86-64: %v", err)
		}
		for _, m := range regexp.MustCompile(`(?m)^ +[0-9a-f]+:\t[0-9a-f ]+\t(.*)$`).FindAllStringSubmatch(string(out), -1) {
			instructions = append(instructions, strings.Join(strings.Fields(m[1]), " "))
		}
		return instructions
	}
	if got := disassemble([]byte{0x62, 0xf2, 0x76, 0x48, 0x52, 0xda}); !slices.Equal(got, []string{"vdpbf16ps zmm3,zmm1,zmm2"}) {
		t.Skipf("needs an objdump that knows vdpbf16ps, got %q", got)
	}
	var code []byte
	for _, m := range regexp.MustCompile(`BYTE +\$0x([0-9a-f]{2})`).FindAllStringSubmatch(assembly(t, "avx512")[filepath.Join("..", "asm", "avx512", "extension_amd64.s")], -1) {
		value, _ := strconv.ParseUint(m[1], 16, 8)
		code = append(code, byte(value))
	}
	instructions := disassemble(code)
	if len(instructions) != 48 {
		t.Errorf("expected 48 instructions, got %d", len(instructions))
	}
	for i, got := range instructions {
		if want := fmt.Sprintf("vdpbf16ps zmm%d,zmm31,zmm31", i%12); got != want {
			t.Errorf("instruction %d: expected %s, got %s", i, want, got)
		}
	}
}
