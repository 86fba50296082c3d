package kernels

import (
	"fmt"
	"math/rand/v2"
	"slices"

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
	Arguments []Argument

	// Bind returns the call with these arguments.
	Bind func(a *Arguments) func(s *Set) error
}

// Name is the kernel with its shape.
func (c Case) Name() string {
	if c.Variant != "" {
		return c.Kernel + "/" + c.Variant
	}
	return fmt.Sprintf("%s/images=%d", c.Kernel, c.Images)
}

// Touched is the number of bytes that a call reads and writes.
func (c Case) Touched() float64 {
	bytes := 0.0
	for _, a := range c.Arguments {
		size := map[kind]float64{Floats: 4, Bytes: 1, Integers: 4, Words: 4}[a.Kind]
		bytes += size * float64(a.length()) * a.share()
	}
	return bytes
}

type kind int

// Kinds of arguments.
const (
	Floats   kind = iota
	Bytes         // []byte
	Integers      // []int32
	Words         // []uint32
	Number        // int
)

// Argument is what a kernel reads or writes.
type Argument struct {
	Name   string
	Kind   kind
	Layout Layout // of slices

	Output bool // the kernel writes all of it, or the part that its call names
	Work   bool // working memory: what is left there means nothing

	// Of numbers: the value, or if Count is not 0 every value below it, and
	// values that do not fit.
	Value, Count int
	Outside      []int

	fill    func(r *rand.Rand, a *Arguments) // nil: uniform in [-1, 1), or zeros
	defined func(a *Arguments, at int) bool  // whether an element of an output means something; nil: all do
	touched float64                          // share that a call touches, 0 for all
}

func (a Argument) length() int {
	if a.Kind == Number {
		return 0
	}
	return a.Layout.Length()
}

func (a Argument) share() float64 {
	if a.touched == 0 {
		return 1
	}
	return a.touched
}

// isDefined reports whether an element of an output means something.
func (a Argument) isDefined(of *Arguments, at int) bool { return a.defined == nil || a.defined(of, at) }

// Arguments are the values of a case's arguments, by name.
type Arguments struct {
	Floats   map[string][]float32
	Bytes    map[string][]byte
	Integers map[string][]int32
	Words    map[string][]uint32
	Numbers  map[string]int
	counts   map[string]int
}

// all returns the range of a number that stands for every value below its count.
func (a *Arguments) all(name string) (from, to int) {
	if count := a.counts[name]; count > 0 {
		return 0, count
	}
	return a.Numbers[name], a.Numbers[name] + 1
}

// with is a copy in which a number has another value.
func (a *Arguments) with(name string, value int) *Arguments {
	c := a.clone()
	c.Numbers[name] = value
	delete(c.counts, name)
	return c
}

// clone copies all arguments.
func (a *Arguments) clone() *Arguments {
	return &Arguments{copied(a.Floats), copied(a.Bytes), copied(a.Integers), copied(a.Words), copiedMap(a.Numbers), copiedMap(a.counts)}
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

// Memory makes a buffer of a number of bytes that begins at a multiple of 4.
type Memory func(bytes int) []byte

// Make fills a case's arguments, with small integers if integers says so.
func (c Case) Make(seed uint64, integers bool, memory Memory) *Arguments {
	if memory == nil {
		memory = aligned.Bytes
	}
	random := rand.New(rand.NewPCG(seed, 1))
	a := &Arguments{map[string][]float32{}, map[string][]byte{}, map[string][]int32{}, map[string][]uint32{}, map[string]int{}, map[string]int{}}
	for _, argument := range c.Arguments {
		name, n := argument.Name, argument.length()
		switch argument.Kind {
		case Floats:
			values := sliceOf[float32](memory(4*n), n)
			for i := range values {
				if integers {
					values[i] = float32(random.IntN(5) - 2)
				} else {
					values[i] = 2*random.Float32() - 1
				}
			}
			a.Floats[name] = values
		case Bytes:
			a.Bytes[name] = memory(n)
		case Integers:
			a.Integers[name] = sliceOf[int32](memory(4*n), n)
		case Words:
			a.Words[name] = sliceOf[uint32](memory(4*n), n)
		case Number:
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
