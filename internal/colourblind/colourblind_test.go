package colourblind

import (
	"math"
	"testing"
)

// TestLab: values of CIE Lab that tables of colours have.
func TestLab(t *testing.T) {
	for _, c := range []struct {
		text string
		want [3]float64
	}{
		{"#fff", [3]float64{100, 0, 0}},
		{"#000000", [3]float64{0, 0, 0}},
		{"#ff0000", [3]float64{53.24, 80.09, 67.20}},
		{"#0000ff", [3]float64{32.30, 79.19, -107.86}},
		{"#808080", [3]float64{53.59, 0, 0}},
	} {
		colour, err := Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range lab(colour, &visions[0].matrix) {
			if math.Abs(got-c.want[i]) > 0.02 {
				t.Errorf("%s: expected %v, got %v at %d", c.text, c.want, got, i)
			}
		}
	}
	for _, text := range []string{"", "red", "#12", "#12345", "#12345g", "#1234567"} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%q is no colour", text)
		}
	}
}

// TestVisions: every vision leaves grey as it is, and the lack of red or green
// cones brings a red and a green together that others tell apart.
func TestVisions(t *testing.T) {
	grey, white := Colour{128, 128, 128}, Colour{255, 255, 255}
	usual := lab(grey, &visions[0].matrix)
	for _, v := range visions {
		if got := lab(grey, &v.matrix); math.Abs(got[0]-usual[0])+math.Abs(got[1])+math.Abs(got[2]) > 0.1 {
			t.Errorf("%s: grey becomes %v", v.name, got)
		}
		if got := lab(white, &v.matrix); math.Abs(got[0]-100) > 0.1 {
			t.Errorf("%s: white becomes %v", v.name, got)
		}
	}
	red, green := Colour{0xcf, 0x22, 0x2e}, Colour{0x1a, 0x7f, 0x37}
	if d, vision := Difference(red, green); vision != "deuteranopia" || d > Least {
		t.Errorf("red and green: %.1f with %s", d, vision)
	}
	if pairs := Close([]string{"red", "green", "white"}, []Colour{red, green, white}); len(pairs) != 1 {
		t.Errorf("expected one close pair, got %q", pairs)
	}
}

func TestThemes(t *testing.T) {
	const style = ":root { --first: #fff; } .second { fill: #000 } @media (prefers-color-scheme: dark) { :root { --first: #111111; } .second { fill: #222222 } }"
	light, dark, err := Themes(style, "first", "second")
	if err != nil || light[0] != (Colour{255, 255, 255}) || light[1] != (Colour{}) || dark[0] != (Colour{17, 17, 17}) || dark[1] != (Colour{34, 34, 34}) {
		t.Errorf("got %v, %v, %v", light, dark, err)
	}
	for _, c := range []string{"", ":root { --first: #fff; }", "prefers-color-scheme: dark :root { --first: #fff; }"} {
		if _, _, err := Themes(c, "first"); err == nil {
			t.Errorf("%q has no colours for both", c)
		}
	}
}
