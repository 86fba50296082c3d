package report

import (
	"testing"

	"github.com/kernelet/kernelet/internal/colourblind"
)

// TestColours: the colour-blind tell the colours of bars and curves apart, in
// light and dark.
func TestColours(t *testing.T) {
	names := []string{"first", "second", "third", "fourth"}
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
