// Package testmnist finds MNIST for tests.
package testmnist

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/kernelet/kernelet/mnist"
)

var load = sync.OnceValues(func() (*mnist.Dataset, error) {
	return mnist.Load(context.Background(), mnist.Options{})
})

// MNIST returns the data set: from MNIST_DIR, the user's cache, or fetched.
// Without it the test is skipped, or fails if KERNELET_REQUIRE_MNIST is set.
func MNIST(t testing.TB) *mnist.Dataset {
	t.Helper()
	data, err := load()
	if err != nil {
		if os.Getenv("KERNELET_REQUIRE_MNIST") != "" {
			t.Fatalf("KERNELET_REQUIRE_MNIST is set: %v", err)
		}
		t.Skipf("needs MNIST: %v", err)
	}
	return data
}
