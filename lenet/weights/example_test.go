package weights_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/weights"
)

// Writing weights for NumPy and reading them back, whatever the form.
func ExampleRead() {
	model := lenet.NewModel(1)
	var file bytes.Buffer
	if err := weights.WriteNPZ(&file, model, weights.Float32); err != nil {
		log.Fatal(err)
	}
	read, _, err := weights.Read(file.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(read.SHA256() == model.SHA256())
	// Output: true
}
