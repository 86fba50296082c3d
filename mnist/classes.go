package mnist

import (
	"bytes"
	"cmp"
	"fmt"
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

// pictureStarts are how files of pictures begin.
var pictureStarts = []string{"\x89PNG", "\xff\xd8\xff", "GIF8", "II*\x00", "MM\x00*"}

func isPicture(start []byte) bool {
	return slices.ContainsFunc(pictureStarts, func(s string) bool { return bytes.HasPrefix(start, []byte(s)) }) ||
		len(start) >= 12 && string(start[:4]) == "RIFF" && string(start[8:12]) == "WEBP"
}

func isPictureName(name string) bool {
	return slices.Contains([]string{".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"}, strings.ToLower(path.Ext(name)))
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
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return s[:n]
}

// picturePart makes one part of the pictures of one role, in the order of their
// files' names: a set that was written out with its numbers as names comes back
// in its own order. Pictures that are not in a folder for each class have no
// labels.
func picturePart(pictures []*pictureFile) (part, error) {
	slices.SortFunc(pictures, func(a, b *pictureFile) int {
		return cmp.Or(naturally(path.Base(a.name), path.Base(b.name)), naturally(a.name, b.name))
	})
	folder := func(p *pictureFile) string { return path.Base(path.Dir(p.name)) }
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
