package mnist

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// pictureFile is a picture that was read: its class is the name of its folder.
type pictureFile struct {
	name     string
	pixels   [ImageBytes]byte
	prepared bool // was of another size
}

func isPicture(start []byte) bool {
	return bytes.HasPrefix(start, []byte("\x89PNG")) || bytes.HasPrefix(start, []byte{0xff, 0xd8, 0xff}) || bytes.HasPrefix(start, []byte("GIF8"))
}

func isPictureName(name string) bool {
	return slices.Contains([]string{".png", ".jpg", ".jpeg", ".gif"}, strings.ToLower(path.Ext(name)))
}

// ReadPicture reads a PNG, JPEG or GIF: one of 28×28 pixels as it is, its
// brightness from 0 to 255, any other as Prepare makes it, which is reported.
// Errors wrap ErrImage or ErrBlank; those of r are passed on.
func ReadPicture(r io.Reader) (pixels [ImageBytes]byte, prepared bool, err error) {
	picture, err := DecodeImage(r)
	if err != nil {
		return pixels, false, err
	}
	if bounds := picture.Bounds(); bounds.Dx() == Columns && bounds.Dy() == Rows {
		return grayPixels(picture), false, nil
	}
	pixels, err = Prepare(picture)
	return pixels, true, err
}

// grayPixels returns the brightness of a picture of 28×28.
func grayPixels(picture image.Image) (pixels [ImageBytes]byte) {
	bounds := picture.Bounds()
	if gray, ok := picture.(*image.Gray); ok {
		for y := range Rows {
			copy(pixels[y*Columns:], gray.Pix[gray.PixOffset(bounds.Min.X, bounds.Min.Y+y):][:Columns])
		}
		return pixels
	}
	for i := range pixels {
		at := picture.At(bounds.Min.X+i%Columns, bounds.Min.Y+i/Columns)
		pixels[i] = color.GrayModel.Convert(at).(color.Gray).Y
	}
	return pixels
}

// classNumber matches the name of a class's folder: a number, perhaps after a
// word.
var classNumber = regexp.MustCompile(`^(?:[A-Za-z]+[ _-]?)?(\d+)$`)

var digitNames = []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

// classesOf numbers the names of folders: by the numbers or digits that they
// are, else in the order of the alphabet, as torchvision's ImageFolder does.
func classesOf(names []string) (map[string]int64, []string, error) {
	classes := map[string]int64{}
	numbered, spelled := true, true
	for _, name := range names {
		numbered = numbered && classNumber.MatchString(name)
		spelled = spelled && slices.Contains(digitNames, strings.ToLower(name))
	}
	if !numbered && !spelled && len(names) > Classes {
		return nil, nil, fmt.Errorf("%w: expected at most %d folders, one for each class, got %d: %s", ErrFormat, Classes, len(names), listed(names))
	}
	var order []string
	for i, name := range names {
		switch {
		case numbered:
			n, err := strconv.ParseInt(classNumber.FindStringSubmatch(name)[1], 10, 32)
			if err != nil {
				return nil, nil, fmt.Errorf("%w: folder %q: expected a class below %d", ErrFormat, name, Classes)
			}
			classes[name] = n
		case spelled:
			classes[name] = int64(slices.Index(digitNames, strings.ToLower(name)))
		default:
			classes[name] = int64(i)
			order = append(order, fmt.Sprintf("%d %s", i, name))
		}
	}
	if order == nil {
		return classes, nil, nil
	}
	return classes, []string{"classes are numbered by the names of their folders: " + strings.Join(order, ", ")}, nil
}

// naturally compares names so that numbers in them count as numbers.
func naturally(a, b string) int {
	for a != "" && b != "" {
		digitsA, digitsB := leadingDigits(a), leadingDigits(b)
		if digitsA != "" && digitsB != "" {
			x, y := strings.TrimLeft(digitsA, "0"), strings.TrimLeft(digitsB, "0")
			if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); c != 0 {
				return c
			}
			a, b = a[len(digitsA):], b[len(digitsB):]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func leadingDigits(s string) string {
	return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))]
}

// picturePart makes one part of the pictures of one role, in the order of their
// files' names: a set that was written out with its numbers as names comes back
// in its own order. Pictures that are not in a folder for each class have no
// labels.
func picturePart(pictures []pictureFile) (part, error) {
	slices.SortFunc(pictures, func(a, b pictureFile) int {
		return cmp.Or(naturally(path.Base(a.name), path.Base(b.name)), naturally(a.name, b.name))
	})
	folder := func(p pictureFile) string { return path.Base(path.Dir(p.name)) }
	var names []string
	prepared := 0
	for _, p := range pictures {
		names = append(names, folder(p))
		if p.prepared {
			prepared++
		}
	}
	slices.SortFunc(names, naturally)
	names = slices.Compact(names)
	p := part{name: "pictures", images: make([]byte, 0, len(pictures)*ImageBytes)}
	for _, picture := range pictures {
		p.images = append(p.images, picture.pixels[:]...)
	}
	if prepared > 0 {
		p.notes = append(p.notes, fmt.Sprintf("%d pictures that are not of %d×%d pixels were brought to that size, centred, as white on black", prepared, Columns, Rows))
	}
	if len(names) == 1 && !classNumber.MatchString(names[0]) {
		p.notes = append(p.notes, "pictures that are not in a folder for each class have no labels")
		return p, nil
	}
	classes, notes, err := classesOf(names)
	if err != nil {
		return p, err
	}
	p.notes = append(p.notes, notes...)
	labels := make([]int64, len(pictures))
	for i, picture := range pictures {
		labels[i] = classes[folder(picture)]
	}
	p.labels, err = labelBytes(labels)
	return p, err
}
