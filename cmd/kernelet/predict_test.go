package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/mnist"
)

// TestExplainOfSameNames: pictures whose files have the same name do not
// overwrite what is explained of each other.
func TestExplainOfSameNames(t *testing.T) {
	folder := t.TempDir()
	drawn := mnist.Synthetic(2, 3)
	var paths []string
	for i, name := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, filepath.Join(folder, name, "5.png"))
		writePNG(t, paths[i], drawn.Images[i*mnist.ImageBytes:][:mnist.ImageBytes])
	}
	seen := func(paths ...string) (brightness [][]byte) {
		out := t.TempDir()
		execute(t, 0, append([]string{"predict", "--explain", out}, paths...)...)
		files, err := filepath.Glob(filepath.Join(out, "*-0-brightness.png"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			brightness = append(brightness, content)
		}
		return brightness
	}
	alone, together := seen(paths[0]), seen(paths...)
	if len(alone) != 1 || len(together) != 2 {
		t.Fatalf("expected 1 and 2 pictures of brightness, got %d and %d", len(alone), len(together))
	}
	if string(together[0]) != string(alone[0]) || string(together[1]) == string(alone[0]) {
		t.Error("the pictures of a/5.png and b/5.png are not theirs")
	}
}

func TestExplainNames(t *testing.T) {
	long := strings.Repeat("é", 200)
	for _, c := range []struct{ paths, names []string }{
		{[]string{"a/5.png", "b/6.png"}, []string{"5", "6"}},
		{[]string{"a/5.png", "b/5.png", "6.png"}, []string{"a-5.png", "b-5.png", "6"}},
		{[]string{"5.png", "5.jpg", "5.JPG"}, []string{"5.png", "5.jpg", "5.JPG-2"}},
		{[]string{"x/5.png", "x/5.png"}, []string{"x-5.png", "x-5.png-2"}},
		{[]string{"a-b/5.png", "a/b-5.png", "a/b/5.png"}, []string{"a-b-5.png", "b-5", "a-b-5.png-2"}},
		{[]string{"../a/5.png", "./5.png", "-"}, []string{"a-5.png", "5.png", "standard-input"}},
		{[]string{long + ".png", "y/" + long + ".png"}, []string{strings.Repeat("é", 73) + ".png", strings.Repeat("é", 73) + ".png-2"}},
	} {
		if got := explainNames(c.paths); !slices.Equal(got, c.names) {
			t.Errorf("%q: expected %q, got %q", c.paths, c.names, got)
		}
	}
	many := make([]string, 3000)
	for i := range many {
		many[i] = fmt.Sprintf("%d/%d-2.png", i%7, i%5)
	}
	names := explainNames(many)
	slices.Sort(names)
	if len(slices.Compact(names)) != len(many) {
		t.Error("two pictures have the same name")
	}
}
