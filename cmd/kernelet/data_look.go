package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"

	"github.com/kernelet/kernelet/mnist"
)

type dataLookCommand struct {
	Path  string `arg:"" help:"Data set, as of train --data."`
	Sheet string `help:"Write samples of every class, a row each, as a picture." placeholder:"FILE.png"`
	JSON  bool   `name:"json" help:"Print one JSON object."`
}

// look is what data look finds.
type look struct {
	Dataset  string     `json:"dataset"`
	Sets     []setFacts `json:"sets"`
	Shared   int        `json:"shared_images"` // test images that are training images too
	Notes    []string   `json:"notes"`
	Warnings []string   `json:"warnings"`
}

// setFacts are facts about one set.
type setFacts struct {
	Name         string    `json:"name"`
	Images       int       `json:"images"`
	Labelled     bool      `json:"labelled"`
	Classes      []int     `json:"classes,omitempty"` // images of each
	Mean         float64   `json:"mean"`              // of all pixels, 0 to 255
	ClassMeans   []float64 `json:"class_means,omitempty"`
	Duplicates   int       `json:"duplicates"` // images that are there before
	ImagesSHA256 string    `json:"images_sha256"`
	LabelsSHA256 string    `json:"labels_sha256,omitempty"`
}

// Run says what a data set has and what looks wrong with it.
func (c *dataLookCommand) Run(e *environment) error {
	data, err := mnist.Open(e.ctx, c.Path)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	result := look{Dataset: data.Name, Sets: []setFacts{}, Notes: append([]string{}, data.Notes...), Warnings: []string{}}
	seen := map[[sha256.Size]byte]bool{}
	for _, s := range []struct {
		name string
		mnist.Set
	}{{"training", data.Train}, {"test", data.Test}} {
		if s.Len() == 0 {
			continue
		}
		facts := factsOf(s.Set)
		facts.Name = s.name
		result.Sets = append(result.Sets, facts)
		for i := range s.Len() {
			hash := sha256.Sum256(s.Images[i*mnist.ImageBytes:][:mnist.ImageBytes])
			if s.name == "training" {
				seen[hash] = true
			} else if seen[hash] {
				result.Shared++
			}
		}
	}
	if result.Warnings, err = warningsOf(data); err != nil {
		return err
	}
	if result.Shared > 0 {
		result.Warnings = append(result.Warnings, fmt.Sprintf("%d test images are training images too: accuracy on them says little", result.Shared))
	}
	if c.Sheet != "" {
		content, err := sheet(data)
		if err == nil {
			err = writeWhole(c.Sheet, content)
		}
		if err != nil {
			return fmt.Errorf("--sheet: %w", err)
		}
	}
	if c.JSON {
		return json.NewEncoder(e.stdout).Encode(result)
	}
	return result.print(e.stdout)
}

func factsOf(s mnist.Set) setFacts {
	facts := setFacts{Images: s.Len(), Labelled: s.Labels != nil, ImagesSHA256: hashOf(s.Images)}
	seen := make(map[[sha256.Size]byte]bool, s.Len())
	var sums [mnist.Classes]uint64
	total := uint64(0)
	for i := range s.Len() {
		image := s.Images[i*mnist.ImageBytes:][:mnist.ImageBytes]
		hash := sha256.Sum256(image)
		if seen[hash] {
			facts.Duplicates++
		}
		seen[hash] = true
		sum := uint64(0)
		for _, v := range image {
			sum += uint64(v)
		}
		total += sum
		if s.Labels != nil {
			sums[s.Labels[i]] += sum
		}
	}
	facts.Mean = float64(total) / float64(len(s.Images))
	if s.Labels != nil {
		facts.LabelsSHA256 = hashOf(s.Labels)
		for class, n := range countClasses(s.Labels) {
			facts.Classes = append(facts.Classes, n)
			facts.ClassMeans = append(facts.ClassMeans, float64(sums[class])/float64(max(1, n)*mnist.ImageBytes))
		}
	}
	return facts
}

func hashOf(content []byte) string {
	hash := sha256.Sum256(content)
	return hex.EncodeToString(hash[:])
}

func (l look) print(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n", l.Dataset)
	for _, s := range l.Sets {
		fmt.Fprintf(&b, "\n%s: %d images, mean %.1f of 255, %d there twice\nsha256 of the images %s\n", s.Name, s.Images, s.Mean, s.Duplicates, s.ImagesSHA256)
		if !s.Labelled {
			fmt.Fprintf(&b, "no labels\n")
			continue
		}
		fmt.Fprintf(&b, "sha256 of the labels %s\n%-8s", s.LabelsSHA256, "class")
		for class := range s.Classes {
			fmt.Fprintf(&b, "%7d", class)
		}
		fmt.Fprintf(&b, "\n%-8s", "images")
		for _, n := range s.Classes {
			fmt.Fprintf(&b, "%7d", n)
		}
		fmt.Fprintf(&b, "\n%-8s", "mean")
		for _, mean := range s.ClassMeans {
			fmt.Fprintf(&b, "%7.1f", mean)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\n")
	for _, n := range l.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	for _, warning := range l.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", warning)
	}
	if len(l.Warnings) == 0 {
		fmt.Fprintf(&b, "nothing looks wrong\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

const sheetColumns = 16

// sheet draws the first images of every class, a row each, or the first ones of
// a set without labels.
func sheet(data *mnist.Dataset) ([]byte, error) {
	s := data.Train
	if s.Len() == 0 {
		s = data.Test
	}
	const cell = mnist.Columns + 4
	canvas := image.NewGray(image.Rect(0, 0, sheetColumns*cell, mnist.Classes*cell))
	for i := range canvas.Pix {
		canvas.Pix[i] = 96
	}
	var used [mnist.Classes]int
	for i := range s.Len() {
		row, column := i/sheetColumns, i%sheetColumns
		if s.Labels != nil {
			row = int(s.Labels[i])
			column = used[row]
			used[row]++
		}
		if row >= mnist.Classes || column >= sheetColumns {
			continue
		}
		for y := range mnist.Rows {
			copy(canvas.Pix[canvas.PixOffset(column*cell+2, row*cell+2+y):], s.Images[i*mnist.ImageBytes+y*mnist.Columns:][:mnist.Columns])
		}
	}
	var content bytes.Buffer
	err := png.Encode(&content, canvas)
	return content.Bytes(), err
}
