package kernels

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/kernelet/kernelet/internal/aligned"
)

// Case is a kernel with one shape and arguments: what the tests, the benchmarks
// and the measurements of package bench range over.
type Case struct {
	Kernel    string
	Images    int     // side by side, or in the batch; 0 where there are none
	Variant   string  // what tells cases apart that have no images
	Work      float64 // images' worth of work of the layer that one call does
	Dense     float64 // operations of the layer by its dense algorithm, an image
	Executed  float64 // operations that are executed, an image
	Measured  bool    // by package bench
	Integers  bool    // with small integers as inputs nothing is rounded
	Unchecked bool    // a step of a method of Set, which has no contract of its own
	arguments []argument

	// bind returns the call with these arguments.
	bind func(a *arguments) func(s *Set) error
}

// Name is the kernel with its shape.
func (c Case) Name() string {
	if c.Variant != "" {
		return c.Kernel + "/" + c.Variant
	}
	return fmt.Sprintf("%s/images=%d", c.Kernel, c.Images)
}

// Call returns the kernel's call on arguments that a seed fills.
func (c Case) Call(seed uint64) func(s *Set) error { return c.bind(c.filled(seed, false, nil)) }

// Touched is the number of bytes that a call reads and writes.
func (c Case) Touched() float64 {
	bytes := 0.0
	for _, a := range c.arguments {
		size := map[kind]float64{floatsKind: 4, bytesKind: 1, integersKind: 4, wordsKind: 4}[a.Kind]
		bytes += float64(size * float64(a.length()) * a.share())
	}
	return bytes
}

// Layer names the part of the network that a kernel belongs to.
func Layer(kernel string) string {
	for _, part := range []struct{ prefix, name string }{
		{"Single", "one image alone"}, {"Conv1Direct", "direct convolutions, for comparison"}, {"Conv2Direct", "direct convolutions, for comparison"},
		{"Conv1", "conv1"}, {"Conv2Train", "conv2, trained"}, {"Conv2OutputGrad", "conv2, trained"}, {"Conv2InputGrad", "conv2, trained"},
		{"Conv2WeightGrad", "conv2, trained"}, {"Conv2BiasGrad", "conv2, trained"}, {"Conv2", "conv2"}, {"FC1", "fc1"}, {"FC2", "fc2, loss"}, {"Gather", "input"},
	} {
		if strings.HasPrefix(kernel, part.prefix) {
			return part.name
		}
	}
	return "sums and updates"
}

// Slices describes the arguments that are slices, by their names and dimensions:
// dw [tap 25][output 32], x [y 28][x 28][image 16]. Written are those that the
// kernel writes; some of them it reads too, as Adam's weights. Working memory is
// in neither.
func (c Case) Slices() (read, written []string) {
	for _, a := range c.arguments {
		switch {
		case a.Work || a.Kind == numberKind:
		case a.Output:
			written = append(written, a.Name+" "+a.layout.String())
		default:
			read = append(read, a.Name+" "+a.layout.String())
		}
	}
	return read, written
}

type kind int

// Kinds of arguments.
const (
	floatsKind   kind = iota
	bytesKind         // []byte
	integersKind      // []int32
	wordsKind         // []uint32
	numberKind        // int
)

// argument is what a kernel reads or writes.
type argument struct {
	Name   string
	Kind   kind
	layout layout // of slices

	Output bool // the kernel writes all of it, or the part that its call names
	Work   bool // working memory: what is left there means nothing

	// Of numbers: the value, or if Count is not 0 every value below it, and
	// values that do not fit.
	Value, Count int
	Outside      []int
	Group        int // of the length of a range, which begins at the number "first": it is made of so many

	fill    func(r *rand.Rand, a *arguments) // nil: uniform in [-1, 1), or zeros
	defined func(a *arguments, at int) bool  // whether an element of an output means something; nil: all do
	touched float64                          // share that a call touches, 0 for all
}

func (a argument) length() int {
	if a.Kind == numberKind {
		return 0
	}
	return a.layout.Length()
}

func (a argument) share() float64 {
	if a.touched == 0 {
		return 1
	}
	return a.touched
}

// isDefined reports whether an element of an output means something.
func (a argument) isDefined(of *arguments, at int) bool { return a.defined == nil || a.defined(of, at) }

// arguments are the values of a case's arguments, by name.
type arguments struct {
	Floats   map[string][]float32
	Bytes    map[string][]byte
	Integers map[string][]int32
	Words    map[string][]uint32
	Numbers  map[string]int
	counts   map[string]int
}

// all returns the range of a number that stands for every value below its count.
func (a *arguments) all(name string) (from, to int) {
	if count := a.counts[name]; count > 0 {
		return 0, count
	}
	return a.Numbers[name], a.Numbers[name] + 1
}

// clone copies all arguments.
func (a *arguments) clone() *arguments {
	return &arguments{copied(a.Floats), copied(a.Bytes), copied(a.Integers), copied(a.Words), copiedMap(a.Numbers), copiedMap(a.counts)}
}

func copied[T any](from map[string][]T) map[string][]T {
	to := map[string][]T{}
	for name, values := range from {
		to[name] = slices.Clone(values)
	}
	return to
}

func copiedMap(from map[string]int) map[string]int {
	to := map[string]int{}
	for name, value := range from {
		to[name] = value
	}
	return to
}

// memory makes a buffer of a number of bytes that begins at a multiple of 4.
type memory func(bytes int) []byte

// filled fills a case's arguments, with small integers if integers says so.
func (c Case) filled(seed uint64, integers bool, memory memory) *arguments {
	if memory == nil {
		memory = aligned.Bytes
	}
	random := rand.New(rand.NewPCG(seed, 1))
	a := &arguments{map[string][]float32{}, map[string][]byte{}, map[string][]int32{}, map[string][]uint32{}, map[string]int{}, map[string]int{}}
	for _, argument := range c.arguments {
		name, n := argument.Name, argument.length()
		switch argument.Kind {
		case floatsKind:
			values := sliceOf[float32](memory(4*n), n)
			for i := range values {
				if integers {
					values[i] = float32(random.IntN(5) - 2)
				} else {
					values[i] = float32(2*float32(random.Float32())) - 1
				}
			}
			a.Floats[name] = values
		case bytesKind:
			a.Bytes[name] = memory(n)
		case integersKind:
			a.Integers[name] = sliceOf[int32](memory(4*n), n)
		case wordsKind:
			a.Words[name] = sliceOf[uint32](memory(4*n), n)
		case numberKind:
			a.Numbers[name] = argument.Value
			if argument.Count > 0 {
				a.counts[name] = argument.Count
			}
		}
		if argument.fill != nil {
			argument.fill(random, a)
		}
	}
	return a
}
