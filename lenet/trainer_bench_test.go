package lenet

import (
	"context"
	"testing"

	"github.com/kernelet/kernelet/internal/testdata"
)

func BenchmarkEpoch(b *testing.B) {
	data := testdata.MNIST(b)
	s := Tutorial()
	s.Threads = 1
	tr, _ := NewTrainer(NewModel(1), s)
	defer tr.Close()
	tr.Epoch(context.Background(), data.Train.Images, data.Train.Labels)
	for i := range StageTimes { StageTimes[i].Store(0) }
	b.ResetTimer()
	for range b.N {
		tr.Epoch(context.Background(), data.Train.Images, data.Train.Labels)
	}
	for i, n := range []string{"conv","fc1","fc2","fc1ig","convgrad","fc1w","conv2w","upd"} { b.ReportMetric(float64(StageTimes[i].Load())/float64(b.N)/6e7, n) }
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/60000/1000, "µs/image")
}
