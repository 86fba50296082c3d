package lenet

import (
	"context"
	"os"
	"testing"

	"github.com/kernelet/kernelet/mnist"
)

func TestSmoke(t *testing.T) {
	read := func(name string, labels bool) []byte {
		f, err := os.Open("../../shared/mnist/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var b []byte
		if labels {
			b, err = mnist.ReadLabels(f, 60000)
		} else {
			b, err = mnist.ReadImages(f, 60000)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	images, labels := read("train-images-idx3-ubyte.gz", false), read("train-labels-idx1-ubyte.gz", true)
	tImages, tLabels := read("t10k-images-idx3-ubyte.gz", false), read("t10k-labels-idx1-ubyte.gz", true)
	for _, isa := range []string{"avx2", "avx512", "generic"} {
		for _, threads := range []int{1, 2, 3} {
			s := Tutorial()
			s.ISA, s.Threads = isa, threads
			tr, err := NewTrainer(NewModel(1), s)
			if err != nil {
				t.Fatal(err)
			}
			n := 6000
			st, err := tr.Epoch(context.Background(), images[:n*784], labels[:n])
			t.Log(isa, threads, st, err, st.ImagesPerSecond())
			st, err = tr.Evaluate(context.Background(), tImages[:1000*784], tLabels[:1000])
			t.Log(st, err, st.Accuracy(), tr.Model().SHA256()[:16])
			tr.Close()
		}
	}
}
