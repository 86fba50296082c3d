package main

import (
	"testing"

	"github.com/kernelet/kernelet/internal/colourblind"
)

// TestColours: everybody tells the drawings' colours apart, on light and on dark
// screens.
func TestColours(t *testing.T) {
	names := []string{"ink", "first", "second", "third", "fourth", "faint"}
	light, dark, err := colourblind.Themes(style, names...)
	if err != nil {
		t.Fatal(err)
	}
	for theme, colours := range map[string][]colourblind.Colour{"light": light, "dark": dark} {
		for _, pair := range colourblind.Close(names, colours) {
			t.Errorf("%s: %s", theme, pair)
		}
	}
}
