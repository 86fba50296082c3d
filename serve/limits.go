package serve

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// Limits bound what requests may cost. A zero field means its default.
type Limits struct {
	BodyBytes     int64         // of an HTTP body, decompressed; 0: 64 MiB
	GRPCBytes     int           // of a gRPC message; 0: 8 MiB
	Images        int           // of an inference request; 0: 10,000
	Memory        int64         // bytes of all bodies beyond 16 KiB each, and of their answers; 0: 256 MiB
	PicturePixels int           // of a picture, and of a request with several; 0: 16,000,000
	PictureMemory int64         // bytes to decode pictures in, all together; 0: 512 MiB
	InFlight      int           // requests that are complete and not yet computed; 0: 256
	GRPCCalls     int           // calls that are open; 0: 128
	Connections   int           // of HTTP and of gRPC, each; 0: 4096
	HeaderTime    time.Duration // until an HTTP header is complete; 0: 5 s
	ReadTime      time.Duration // until an HTTP request, or a gRPC call, is complete; 0: 30 s
	WriteTime     time.Duration // from the header's end until the answer is written; 0: 60 s
	IdleTime      time.Duration // between requests of a connection; 0: 2 min
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.BodyBytes, 64<<20)
	setDefault(&l.GRPCBytes, 8<<20)
	setDefault(&l.Images, 10_000)
	setDefault(&l.Memory, 256<<20)
	setDefault(&l.PicturePixels, 16_000_000)
	setDefault(&l.PictureMemory, 512<<20)
	setDefault(&l.InFlight, 256)
	setDefault(&l.GRPCCalls, 128)
	setDefault(&l.Connections, 4096)
	setDefault(&l.HeaderTime, 5*time.Second)
	setDefault(&l.ReadTime, 30*time.Second)
	setDefault(&l.WriteTime, 60*time.Second)
	setDefault(&l.IdleTime, 2*time.Minute)
	return l
}

// bound is the memory that all requests together can hold, in bytes, on top of
// a process that rests: what is counted, and for each connection its buffers,
// header and the first part of its body.
func (l Limits) bound() int64 {
	const connection = 64 << 10
	return l.Memory + l.PictureMemory + int64(l.GRPCCalls)*int64(l.GRPCBytes) + 2*int64(l.Connections)*connection
}

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// budget counts something that there is a limit of.
type budget struct {
	used  atomic.Int64
	limit int64
}

// take reserves n, or nothing.
func (b *budget) take(n int64) bool {
	if b.used.Add(n) > b.limit {
		b.used.Add(-n)
		return false
	}
	return true
}

func (b *budget) give(n int64) { b.used.Add(-n) }

// pictureBudget is memory to decode pictures in. A request waits for its part:
// a large picture takes most of it, for a tenth of a second.
type pictureBudget struct {
	memory *semaphore.Weighted
	limit  int64
}

// pictureWait bounds how long a request waits for memory.
const pictureWait = 2 * time.Second

func (b *pictureBudget) take(ctx context.Context, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, pictureWait)
	defer cancel()
	if b.memory.Acquire(ctx, min(n, b.limit)) != nil {
		return unavailable("pictures: all memory for decoding is in use")
	}
	return nil
}

func (b *pictureBudget) give(n int64) { b.memory.Release(min(n, b.limit)) }
