package serve

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"

	"github.com/kernelet/kernelet/picture"
)

// maxPictures bounds the files of a form.
const maxPictures = 64

// digit is what was read.
type digit struct {
	Digit         int         `json:"digit"`
	Probability   float32     `json:"probability"`
	Probabilities [10]float32 `json:"probabilities"`
	Rejected      bool        `json:"rejected"`       // no digit, by the model's Calibration
	Box           *box        `json:"box,omitempty"`  // of rows
	Seen          []byte      `json:"seen,omitempty"` // 28×28, what the network saw
	Layers        *layers     `json:"layers,omitempty"`
}

// box is where something lies in a picture, in pixels: x, y, width, height.
type box [4]int

func boxOf(r image.Rectangle) box { return box{r.Min.X, r.Min.Y, r.Dx(), r.Dy()} }

// row is a line of digits, as kernelet read --json has it.
type row struct {
	Text   string  `json:"text"`
	Box    box     `json:"box"`
	Digits []digit `json:"digits"` // from left to right
}

// reading is what was read in a picture: a digit, or rows where they were asked
// for.
type reading struct {
	Digits []digit `json:"digits,omitempty"`
	Rows   []row   `json:"rows,omitempty"`
}

// pictureAnswer is the answer about a file of a form.
type pictureAnswer struct {
	Name string `json:"name"`
	reading
	Error string `json:"error,omitempty"`
}

// pictureOptions are what the query of POST /v1/digits says.
type pictureOptions struct {
	model              *model
	seen, layers, rows bool
}

func (s *Server) pictureOptions(r *http.Request) (o pictureOptions, err error) {
	query := r.URL.Query()
	if o.model, err = s.models.get(query.Get("model")); err != nil {
		return o, err
	}
	for name, target := range map[string]*bool{"seen": &o.seen, "layers": &o.layers, "rows": &o.rows} {
		if text := query.Get(name); text != "" {
			if *target, err = strconv.ParseBool(text); err != nil {
				return o, badRequest("%s: expected true or false, got %q", name, shorten(text))
			}
		}
	}
	return o, nil
}

// readDigits answers POST /v1/digits: a picture as the body, or files of a form.
func (s *Server) readDigits(w http.ResponseWriter, r *http.Request) error {
	options, err := s.pictureOptions(r)
	if err != nil {
		return err
	}
	x := s.borrow()
	defer s.giveBack(x)
	if err := s.readBody(r, x); err != nil {
		return err
	}
	if !s.picturesWaiting.take(1) {
		return unavailable("too many pictures in flight")
	}
	defer s.picturesWaiting.give(1)
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "multipart/form-data" {
		return s.readForm(w, r, x, parameters["boundary"], options)
	}
	read, err := s.readPicture(r, x.body, options)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, struct {
		reading
		Model string `json:"model"`
	}{read, options.model.name})
	return nil
}

// readForm answers about every file of a form by itself.
func (s *Server) readForm(w http.ResponseWriter, r *http.Request, x *scratch, boundary string, options pictureOptions) error {
	if err := s.reserve(x, int64(len(x.body))); err != nil {
		return err
	}
	answers := []pictureAnswer{}
	reader := multipart.NewReader(bytes.NewReader(x.body), boundary)
	for {
		part, err := reader.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return badRequest("body: not the multipart/form-data that Content-Type says")
		}
		if part.FileName() == "" {
			continue
		}
		if len(answers) == maxPictures {
			return tooLarge("pictures", "body: expected at most %d files", maxPictures)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return badRequest("body: a file of the form is not complete")
		}
		answer := pictureAnswer{Name: shorten(part.FileName())}
		if answer.reading, err = s.readPicture(r, content, options); err != nil {
			p := asProblem(err)
			if p.status >= http.StatusInternalServerError {
				return err
			}
			answer.Error = p.text
		}
		answers = append(answers, answer)
	}
	if len(answers) == 0 {
		return badRequest("body: expected a form with files")
	}
	writeJSON(w, http.StatusOK, map[string]any{"model": options.model.name, "pictures": answers})
	return nil
}

// readPicture reads the digit, or the rows of digits, in a picture file.
func (s *Server) readPicture(r *http.Request, content []byte, options pictureOptions) (reading, error) {
	width, height, err := pictureSize(content)
	if err != nil {
		return reading{}, err
	}
	if most := s.limits.PicturePixels; width <= 0 || height <= 0 || width > most/height {
		return reading{}, tooLarge("pixels", "picture: expected from 1 to %d pixels, got %d×%d", most, width, height)
	}
	need := pictureBytes(width*height, len(content))
	if options.rows {
		need += rowsBytes(width * height)
	}
	if err := s.pictures.take(r.Context(), need); err != nil {
		return reading{}, err
	}
	defer s.pictures.give(need)
	decoded, err := decodePicture(content, s.limits.PicturePixels)
	if err != nil {
		return reading{}, pictureProblem(err)
	}
	if options.rows {
		return s.readRows(decoded, options)
	}
	read, err := options.model.reader.Digit(decoded)
	if err != nil {
		return reading{}, pictureProblem(err)
	}
	s.metrics.images(protocolHTTP, 1)
	return reading{Digits: []digit{options.digit(&read)}}, nil
}

// mostDigits bounds the answer about a picture's rows. A page of paper has fewer;
// layers take milliseconds each.
func (o *pictureOptions) mostDigits() int {
	if o.layers {
		return 64
	}
	return 5000
}

func (s *Server) readRows(decoded image.Image, options pictureOptions) (reading, error) {
	found, err := options.model.reader.Rows(decoded)
	if err != nil {
		return reading{}, pictureProblem(err)
	}
	count := 0
	for _, f := range found {
		count += len(f.Digits)
	}
	if most := options.mostDigits(); count > most {
		return reading{}, tooLarge("digits", "picture: expected at most %d digits, found %d", most, count)
	}
	var all reading
	for _, f := range found {
		one := row{Text: f.Text, Box: boxOf(f.Box)}
		for i := range f.Digits {
			d := options.digit(&f.Digits[i])
			where := boxOf(f.Digits[i].Box)
			d.Box = &where
			one.Digits = append(one.Digits, d)
		}
		all.Rows = append(all.Rows, one)
	}
	s.metrics.images(protocolHTTP, count)
	return all, nil
}

func (o *pictureOptions) digit(read *picture.Digit) digit {
	d := digit{Digit: read.Prediction.Digit, Probability: read.Probability, Probabilities: read.Probabilities, Rejected: read.Rejected()}
	if o.seen {
		d.Seen = read.Image[:]
	}
	if o.layers {
		d.Layers = activations(o.model.weights, &read.Image)
	}
	return d
}

// pictureBytes bounds the memory to decode and prepare so many pixels of a file
// of length bytes, as package picture says: 24 bytes a pixel, a copy of the
// file, and 200 KB.
func pictureBytes(n, length int) int64 { return 24*int64(n) + int64(length) + 256<<10 }

// rowsBytes bounds the memory to look for rows in, which happens at no more than
// 1200×1200 pixels.
func rowsBytes(n int) int64 { return 40 * int64(min(n, 1200*1200)) }

// pictureProblem says what is wrong with a picture.
func pictureProblem(err error) error {
	switch {
	case errors.Is(err, picture.ErrBlank):
		return newProblem(http.StatusUnprocessableEntity, "picture: %v", err)
	case errors.Is(err, picture.ErrImage):
		return badRequest("picture: %v", err)
	}
	return fmt.Errorf("picture: %w", err)
}

// pictureSize reads a picture's size without decoding it.
func pictureSize(content []byte) (width, height int, err error) {
	if len(content) == 0 {
		return 0, 0, badRequest("picture: expected PNG, JPEG, GIF, WebP, BMP, TIFF or binary PGM, got nothing")
	}
	if isGraymap(content) {
		width, height, _, err = graymap(content)
		return width, height, err
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		_, err = picture.Decode(bytes.NewReader(content), picture.Limits{}) // which knows why
		return 0, 0, pictureProblem(err)
	}
	return config.Width, config.Height, nil
}

func decodePicture(content []byte, most int) (image.Image, error) {
	if isGraymap(content) {
		width, height, values, err := graymap(content)
		if err != nil {
			return nil, err
		}
		return &image.Gray{Pix: values, Stride: width, Rect: image.Rect(0, 0, width, height)}, nil
	}
	return picture.Decode(bytes.NewReader(content), picture.Limits{Pixels: most})
}

func isGraymap(content []byte) bool { return bytes.HasPrefix(content, []byte("P5")) }

// graymap reads a binary PGM of one byte a pixel, which a page can make without
// compressing: "P5", width, height, 255, then the pixels.
func graymap(content []byte) (width, height int, values []byte, err error) {
	fail := func(text string) (int, int, []byte, error) { return 0, 0, nil, badRequest("picture: PGM: %s", text) }
	rest := content[2:]
	var sizes [3]int
	for i := range sizes {
		text := bytes.TrimLeft(rest, " \t\r\n")
		digits := 0
		for digits < len(text) && digits < 6 && text[digits] >= '0' && text[digits] <= '9' {
			sizes[i] = 10*sizes[i] + int(text[digits]-'0')
			digits++
		}
		if digits == 0 || digits == len(text) {
			return fail("expected width, height and 255")
		}
		rest = text[digits:]
	}
	width, height = sizes[0], sizes[1]
	rest = rest[1:] // one space ends the header
	if sizes[2] != 255 {
		return fail("expected values up to 255")
	}
	if len(rest) != width*height {
		return fail(fmt.Sprintf("expected %d×%d bytes, got %d", width, height, len(rest)))
	}
	return width, height, rest, nil
}
