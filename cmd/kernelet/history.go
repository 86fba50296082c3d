package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/kernelet/kernelet/internal/plaintext"
)

// epoch is a line of the history.
type epoch struct {
	Event           string  `json:"event"`
	Epoch           int     `json:"epoch"`
	TrainLoss       float64 `json:"train_loss"`
	TrainAccuracy   float64 `json:"train_acc"`
	ValLoss         float64 `json:"val_loss"`
	ValAccuracy     float64 `json:"val_acc"`
	Seconds         float64 `json:"seconds"`
	ImagesPerSecond float64 `json:"images_per_second"`
	Validation      string  `json:"validation,omitempty"` // heldOut, or empty: the test images
}

// ruler separates blocks: 51 columns as the tutorial has them, or fewer on a
// narrow terminal.
func ruler(w io.Writer) string {
	columns := 51
	if width, terminal := terminalWidth(w); terminal {
		columns = min(columns, width)
	}
	return strings.Repeat("=", columns)
}

// print writes the tutorial's block.
func (h epoch) print(w io.Writer) error {
	name := "validation"
	if h.Validation != "" {
		name = h.Validation
	}
	_, err := fmt.Fprintf(w, "%s\nepoch:  %d\ntraining loss: %.5f, acc: %.6f\n%s loss: %.5f, acc: %.6f\n",
		ruler(w), h.Epoch, h.TrainLoss, h.TrainAccuracy, name, h.ValLoss, h.ValAccuracy)
	return err
}

// historyColumns are the history's header, which says so if the validation
// images are not the test images. The last column is the data's name, the same in
// every line.
func historyColumns(validation string) []string {
	name := "val"
	if validation != "" {
		name = strings.ReplaceAll(validation, "-", "_")
	}
	return []string{"epoch", "train_loss", "train_acc", name + "_loss", name + "_acc", "seconds", "images_per_second", "data"}
}

func writeHistory(path, validation, data string, history []epoch) error {
	var content bytes.Buffer
	w := csv.NewWriter(&content)
	w.Write(historyColumns(validation))
	for _, h := range history {
		line := []string{strconv.Itoa(h.Epoch)}
		for _, v := range []float64{h.TrainLoss, h.TrainAccuracy, h.ValLoss, h.ValAccuracy, h.Seconds, h.ImagesPerSecond} {
			line = append(line, strconv.FormatFloat(v, 'g', -1, 64))
		}
		w.Write(append(line, data))
	}
	w.Flush()
	return writeWhole(path, content.Bytes())
}

// readHistory reads back the lines of the first epochs.
func readHistory(path, validation string, epochs int) ([]epoch, error) {
	if epochs == 0 {
		return nil, nil
	}
	columns := historyColumns(validation)
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	reader := csv.NewReader(bytes.NewReader(plaintext.UTF8(content)))
	reader.FieldsPerRecord = len(columns)
	lines, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("history %s: %w", path, err)
	}
	if len(lines) < 1+epochs {
		return nil, fmt.Errorf("history %s: expected the %d epochs of the checkpoint, got %d", path, epochs, max(0, len(lines)-1))
	}
	if !slices.Equal(lines[0], columns) {
		return nil, fmt.Errorf("history %s: line 1: expected %q, got %q", path, columns, lines[0])
	}
	history := make([]epoch, epochs)
	for i, line := range lines[1 : 1+epochs] {
		h := &history[i]
		h.Event, h.Epoch, h.Validation = "epoch", i+1, validation
		if line[0] != strconv.Itoa(h.Epoch) {
			return nil, fmt.Errorf("history %s: line %d: epoch: expected %d, got %q", path, i+2, h.Epoch, line[0])
		}
		for column, field := range []*float64{&h.TrainLoss, &h.TrainAccuracy, &h.ValLoss, &h.ValAccuracy, &h.Seconds, &h.ImagesPerSecond} {
			if *field, err = strconv.ParseFloat(line[1+column], 64); err != nil || math.IsNaN(*field) || math.IsInf(*field, 0) {
				return nil, fmt.Errorf("history %s: line %d: %s: expected a number, got %q", path, i+2, columns[1+column], line[1+column])
			}
		}
	}
	return history, nil
}
