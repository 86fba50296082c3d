package main

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"github.com/kernelet/kernelet/picture"
)

// explain writes what was seen of a picture to a folder: its brightness, and
// for every view the ink and the 28×28 that was read, whose name says as what.
// All names begin with the picture's.
func explain(reader *picture.Reader, p *picture.Picture, folder, name string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("--explain: %w", err)
	}
	brightness, views, err := reader.Explain(p)
	if err != nil {
		return err
	}
	write := func(step string, m image.Image) error {
		var content bytes.Buffer
		if err := png.Encode(&content, m); err != nil {
			return err
		}
		return writeWhole(filepath.Join(folder, name+"-"+step+".png"), content.Bytes())
	}
	if err := write("0-brightness", brightness); err != nil {
		return err
	}
	for i, v := range views {
		if err := write(fmt.Sprintf("%d-%s-ink", i+1, v.Name), v.Ink); err != nil {
			return err
		}
		read := fmt.Sprintf("%d-%s-read-as-%d-%.0f%%", i+1, v.Name, v.Prediction.Digit, 100*v.Prediction.Probability)
		if err := write(read, v.Prepared); err != nil {
			return err
		}
	}
	return nil
}

// explainNames gives every picture a name of its own in the folder: its file's
// without the end or, where another has that too, the whole path with dashes for
// what separates folders. Files in the folder may differ in more than the case of
// letters only, as some disks take no notice of it.
func explainNames(paths []string) []string {
	const longest = 150 // bytes, so that there is room for what follows
	short := func(path string) string {
		if path == standardInput {
			return "standard-input"
		}
		return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	same := map[string]int{}
	for _, path := range paths {
		same[strings.ToLower(short(path))]++
	}
	names, used := make([]string, len(paths)), map[string]bool{}
	for i, path := range paths {
		name := short(path)
		if same[strings.ToLower(name)] > 1 {
			name = strings.NewReplacer("/", "-", `\`, "-", ":", "-").Replace(filepath.Clean(path))
			name = strings.TrimLeft(name, ".-")
		}
		name = strings.ToValidUTF8(name[max(0, len(name)-longest):], "")
		names[i] = name
		for n := 2; used[strings.ToLower(names[i])]; n++ {
			names[i] = fmt.Sprintf("%s-%d", name, n)
		}
		used[strings.ToLower(names[i])] = true
	}
	return names
}
