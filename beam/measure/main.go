// Command measure is the loop that kernelet-beam classify is measured against:
// it reads IDX files with their labels, classifies blocks of 1,000 images and
// writes the same tables, without Beam, pieces and renames.
//
//	/usr/bin/time -v measure OUTPUT FILE…
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/mnist"
)

const block = 1000 // images

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "measure: expected an output folder and files of images")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run(output string, files []string) error {
	model, err := pretrained.Model()
	if err != nil {
		return err
	}
	classifier, err := lenet.NewClassifier(model, lenet.Options{})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(output, 0o755); err != nil {
		return err
	}
	images, right := 0, 0
	for _, name := range files {
		n, correct, err := classify(classifier, name, filepath.Join(output, filepath.Base(name)+".csv"))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		images, right = images+n, right+correct
	}
	fmt.Printf("%d of %d right\n", right, images)
	return nil
}

func classify(classifier *lenet.Classifier, name, table string) (images, correct int, err error) {
	labels, err := os.ReadFile(strings.Replace(strings.Replace(name, "images", "labels", 1), "idx3", "idx1", 1))
	if err != nil {
		return 0, 0, err
	}
	if len(labels) < 8 {
		return 0, 0, mnist.ErrFormat
	}
	labels = labels[8:]
	in, err := os.Open(name)
	if err != nil {
		return 0, 0, err
	}
	defer in.Close()
	if _, err := in.Seek(16, io.SeekStart); err != nil {
		return 0, 0, err
	}
	out, err := os.Create(table)
	if err != nil {
		return 0, 0, err
	}
	w := bufio.NewWriter(out)
	w.WriteString("index,label,digit,probability\n")
	pixels, predictions := make([]byte, block*mnist.ImageBytes), make([]lenet.Prediction, block)
	var line []byte
	for at := 0; at < len(labels); at += block {
		n := min(block, len(labels)-at)
		if _, err := io.ReadFull(in, pixels[:n*mnist.ImageBytes]); err != nil {
			return 0, 0, errors.Join(err, out.Close())
		}
		if err := classifier.ClassifyBatch(predictions[:n], pixels[:n*mnist.ImageBytes]); err != nil {
			return 0, 0, errors.Join(err, out.Close())
		}
		for i, p := range predictions[:n] {
			line = strconv.AppendInt(line[:0], int64(at+i), 10)
			line = strconv.AppendInt(append(line, ','), int64(labels[at+i]), 10)
			line = strconv.AppendInt(append(line, ','), int64(p.Digit), 10)
			line = append(strconv.AppendFloat(append(line, ','), float64(p.Probability), 'f', 6, 32), '\n')
			w.Write(line)
			if p.Digit == int(labels[at+i]) {
				correct++
			}
		}
	}
	return len(labels), correct, errors.Join(w.Flush(), out.Close())
}
