package serve

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/kernelet/kernelet/mnist"
)

// TestClients lets Triton's clients and a generated one ask a server and compare
// the answers with the classifier's bits. KERNELET_CLIENTS names a Python that
// has them.
func TestClients(t *testing.T) {
	python := os.Getenv("KERNELET_CLIENTS")
	if python == "" {
		t.Skip("set KERNELET_CLIENTS to a Python with tritonclient[http,grpc] and open-inference-openapi")
	}
	images := mnist.Synthetic(70, 5).Images
	want := expectedOf(t, images, nil)
	folder := t.TempDir()
	arguments := []string{filepath.Join("clients", "triton.py")}
	web, rpc, _ := started(t, newServer(t, Options{}), Listen{})
	arguments = append(arguments, web, rpc)
	for _, f := range []struct {
		name    string
		content []byte
	}{{"images", images}, {"logits", littleEndian(want.logits)}, {"probabilities", littleEndian(want.probabilities)}, {"digits", littleEndian(want.digits)}} {
		path := filepath.Join(folder, f.name)
		if err := os.WriteFile(path, f.content, 0o644); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, path)
	}
	output, err := exec.CommandContext(t.Context(), python, arguments...).CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Error(err)
	}
}
