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
func explain(reader *picture.Reader, p *picture.Picture, folder, path string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("--explain: %w", err)
	}
	brightness, views, err := reader.Explain(p)
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
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
