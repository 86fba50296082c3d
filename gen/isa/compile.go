package isa

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"
)

// Write compiles the file and writes folder/<target>/<operation>_amd64.s and
// its Go stubs. A kernel that needs more registers than its target has, or an
// instruction that dispatch does not test for, is an error that names it.
func (f *File) Write(folder string) error {
	file, err := f.Result()
	if err != nil {
		return fmt.Errorf("%s %s: %w", f.Target.Name, f.Operation, err)
	}
	compile := pass.Concat(
		pass.Verify,
		pass.FunctionPass(pass.PruneJumpToFollowingLabel),
		pass.FunctionPass(pass.PruneDanglingLabels),
		pass.FunctionPass(pass.LabelTarget),
		pass.FunctionPass(pass.CFG),
		pass.InstructionPass(pass.ZeroExtend32BitOutputs),
		pass.FunctionPass(pass.Liveness),
		pass.FunctionPass(f.Target.allocate),
		pass.FunctionPass(pass.BindRegisters),
		pass.FunctionPass(pass.VerifyAllocation),
		pass.FunctionPass(pass.EnsureBasePointerCalleeSaved),
		pass.Func(pass.IncludeTextFlagHeader),
		pass.FunctionPass(pass.PruneSelfMoves),
		pass.FunctionPass(pass.RequiredISAExtensions),
	)
	if err := compile.Execute(file); err != nil {
		return fmt.Errorf("%s %s: %w", f.Target.Name, f.Operation, err)
	}
	for _, fn := range file.Functions() {
		f.Target.noteRegisters(fn)
	}
	if err := f.checkFeatures(file); err != nil {
		return fmt.Errorf("%s %s: %w", f.Target.Name, f.Operation, err)
	}
	config := printer.Config{Name: "kernelet/gen", Pkg: f.Target.Name}
	path := filepath.Join(folder, f.Target.Name, f.Operation+"_amd64")
	for extension, p := range map[string]printer.Printer{".s": printer.NewGoAsm(config), ".go": printer.NewStubs(config)} {
		content, err := p.Print(file)
		if err != nil {
			return fmt.Errorf("%s%s: %w", path, extension, err)
		}
		content = append(bytes.TrimRight(content, "\n"), '\n')
		if err := os.WriteFile(path+extension, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// baseline are the features that every amd64 machine has, by avo's names;
// "MMX+" stands for prefetches.
var baseline = []string{"SSE", "SSE2", "MMX+"}

// checkFeatures returns an error unless the target has every feature that the
// file's kernels require, or their callers test for it.
func (f *File) checkFeatures(file *ir.File) error {
	for _, fn := range file.Functions() {
		for _, feature := range fn.ISA {
			if !slices.Contains(f.Target.Features, feature) && !slices.Contains(baseline, feature) && Extensions[fn.Name] != feature {
				return fmt.Errorf("%s: requires %s, which dispatch does not test for %s", fn.Name, feature, f.Target.Name)
			}
		}
	}
	return nil
}

// allocate is avo's register allocation with the pool cut to what the target
// has: avo itself would use 32 vector registers everywhere, which AVX2 does
// not have, and the assembler would encode them as AVX-512 without a word.
func (t Target) allocate(fn *ir.Function) error {
	pools := map[reg.Kind]*pass.Allocator{}
	for _, instruction := range fn.Instructions() {
		for _, r := range instruction.Registers() {
			if pools[r.Kind()] != nil {
				pools[r.Kind()].Add(r.ID())
				continue
			}
			pool, err := pass.NewAllocator(t.pool(r.Kind()))
			if err != nil {
				return fmt.Errorf("%s: %w", fn.Name, err)
			}
			pools[r.Kind()] = pool
			pool.Add(r.ID())
		}
	}
	for _, instruction := range fn.Instructions() {
		for _, written := range instruction.OutputRegisters() {
			live := instruction.LiveOut.OfKind(written.Kind())
			live.DiscardRegister(written)
			pools[written.Kind()].AddInterferenceSet(written, live)
		}
	}
	fn.Allocation = reg.NewEmptyAllocation()
	for kind, pool := range pools {
		allocation, err := pool.Allocate()
		if err != nil {
			return errors.Join(fmt.Errorf("%s: more registers of kind %d live at once than %s has", fn.Name, kind, t.Name), err)
		}
		if err := fn.Allocation.Merge(allocation); err != nil {
			return fmt.Errorf("%s: %w", fn.Name, err)
		}
	}
	return nil
}

// noteRegisters writes how many registers a function got to its head, below
// its first sentence.
func (t Target) noteRegisters(fn *ir.Function) {
	used := map[reg.Kind]map[reg.Index]bool{}
	for _, instruction := range fn.Instructions() {
		for _, r := range instruction.Registers() {
			physical := reg.ToPhysical(r)
			if physical == nil || physical.Info()&reg.Restricted != 0 {
				continue
			}
			if used[r.Kind()] == nil {
				used[r.Kind()] = map[reg.Index]bool{}
			}
			used[r.Kind()][physical.PhysicalIndex()] = true
		}
	}
	var counts []string
	for _, kind := range []struct {
		kind reg.Kind
		name string
	}{{reg.KindVector, "vectors"}, {reg.KindGP, "general"}, {reg.KindOpmask, "masks"}} {
		if n := len(used[kind.kind]); n > 0 {
			counts = append(counts, fmt.Sprintf("%d of %d %s", n, t.available(kind.kind), kind.name))
		}
	}
	note := ir.NewComment("Registers: " + strings.Join(counts, ", ") + ".")
	fn.Nodes = slices.Insert(fn.Nodes, 1, ir.Node(note)) // below what start wrote
}

// available is the number of registers of a kind that a kernel may use.
func (t Target) available(kind reg.Kind) int {
	indices := map[reg.Index]bool{}
	for _, r := range t.pool(kind) {
		if r.Info()&reg.Restricted == 0 {
			indices[r.PhysicalIndex()] = true
		}
	}
	return len(indices)
}

// pool lists the registers of a kind that a kernel may use: all but the stack
// and the frame pointer.
func (t Target) pool(kind reg.Kind) []reg.Physical {
	var pool []reg.Physical
	for _, r := range reg.FamilyOfKind(kind).Registers() {
		if kind == reg.KindVector && int(r.PhysicalIndex()) >= t.Registers {
			continue
		}
		if r.Info()&reg.BasePointer != 0 {
			continue
		}
		pool = append(pool, r)
	}
	return pool
}
