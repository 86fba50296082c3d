package lenet

import (
	"context"
	"testing"

	"github.com/kernelet/kernelet/internal/testmnist"
)

func BenchmarkEpoch(b *testing.B) {
	data := testmnist.MNIST(b)
	s := Tutorial()
	s.Threads = 1
	tr, _ := NewTrainer(NewModel(1), s)
	defer tr.Close()
	tr.Epoch(context.Background(), data.Train.Images, data.Train.Labels)
	b.ResetTimer()
	for range b.N {
		tr.Epoch(context.Background(), data.Train.Images, data.Train.Labels)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/60000/1000, "µs/image")
}
