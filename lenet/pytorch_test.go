package lenet

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// patternModel has the values that internal/reference/safetensors_files.py
// computes by the same formula.
func patternModel() *Model {
	m := new(Model)
	for i, tensor := range m.Tensors() {
		for j := range tensor.Values {
			tensor.Values[j] = float32((int64(j)*7919+int64(i)*104729)%4001-2000) / 1024
		}
	}
	return m
}

// TestPyTorchFile: a file that PyTorch wrote loads. What is committed is its
// header and its SHA-256; the tensors are the pattern's.
func TestPyTorchFile(t *testing.T) {
	content, err := os.ReadFile("testdata/pytorch.json")
	if err != nil {
		t.Fatal(err)
	}
	var written struct{ PyTorch, Safetensors, Header, SHA256 string }
	if err := json.Unmarshal(content, &written); err != nil {
		t.Fatal(err)
	}
	var entries map[string]struct {
		Offsets []int `json:"data_offsets"`
	}
	if err := json.Unmarshal([]byte(written.Header), &entries); err != nil {
		t.Fatal(err)
	}
	want := patternModel()
	data := make([]byte, 4*431080)
	for _, tensor := range want.Tensors() {
		copy(data[entries[tensor.Name].Offsets[0]:], encodeFloats(tensor.Values))
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(written.Header)))
	file = append(append(file, written.Header...), data...)
	if got := sha256Of(file); got != written.SHA256 {
		t.Fatalf("the file of PyTorch %s and safetensors %s, rebuilt: expected SHA-256 %s, got %s", written.PyTorch, written.Safetensors, written.SHA256, got)
	}
	got, err := Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if *got != *want {
		t.Error("the values differ from the pattern's")
	}
}

// TestFileForPyTorch: Save writes the very file that load_file was seen to
// read as the same tensors; internal/reference/safetensors_files.py says with
// which versions.
func TestFileForPyTorch(t *testing.T) {
	const confirmed = "f245830cf43f48b480596cfe8f4a074d3142ec3d114a68cf00bacfd10399e739"
	path := os.Getenv("KERNELET_PATTERN_FILE")
	if path == "" {
		path = filepath.Join(t.TempDir(), "model.safetensors")
	}
	if err := patternModel().Save(path); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := sha256Of(file); got != confirmed {
		t.Errorf("SHA-256 of the pattern's file: expected %s, got %s", confirmed, got)
	}
}

func sha256Of(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
