package pictures_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"

	"github.com/kernelet/kernelet/mnist/pictures"
)

// A picture of 28×28 pixels is taken as it is; any other, here a dark stroke on
// white paper, is looked through for its digit.
func ExampleRead() {
	for _, size := range []int{28, 100} {
		paper := image.NewGray(image.Rect(0, 0, size, size))
		for i := range paper.Pix {
			paper.Pix[i] = 255
		}
		for y := size / 5; y < size*4/5; y++ {
			for x := size * 9 / 20; x < size*11/20; x++ {
				paper.SetGray(x, y, color.Gray{Y: 30})
			}
		}
		var file bytes.Buffer
		if err := png.Encode(&file, paper); err != nil {
			log.Fatal(err)
		}
		pixels, prepared, err := pictures.Read(&file)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d×%[1]d pixels: prepared %v, the corner is %d\n", size, prepared, pixels[0])
	}
	// Output:
	// 28×28 pixels: prepared false, the corner is 255
	// 100×100 pixels: prepared true, the corner is 0
}
