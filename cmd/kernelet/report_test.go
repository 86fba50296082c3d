package main

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/lenet"
)

// checkReport: a page stands alone, and shows every misread digit of so many.
func checkReport(t *testing.T, path string, misread int) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	if got := strings.Count(page, `<li class="digit">`); got != misread {
		t.Errorf("%s: expected %d misread digits, got %d", path, misread, got)
	}
	if got := strings.Count(page, "of conv1, 5 by 5 weights"); got != 20 {
		t.Errorf("%s: expected 20 filters, got %d", path, got)
	}
	if outside := regexp.MustCompile(`(?:src|href|url)\s*[=(]\s*"?(?:https?:)?//[^\s">]*`).FindString(page); outside != "" {
		t.Errorf("%s: refers to %s", path, outside)
	}
	if strings.Contains(page, "ZgotmplZ") {
		t.Errorf("%s: the template took a value for unsafe", path)
	}
}

// TestReport: train leaves a report of the same images that eval --html reports.
func TestReport(t *testing.T) {
	data, folder := dataFolder(t), t.TempDir()
	out, page := filepath.Join(folder, "run"), filepath.Join(folder, "page.html")
	execute(t, 0, "train", "--data", data, "--epochs", "2", "--limit", "300", "--quiet", "--out", out)
	stdout, _ := execute(t, 0, "eval", "--model", filepath.Join(out, modelFile), "--data", data, "--html", page)
	correct := regexp.MustCompile(`: (\d+) of 100 images right`).FindStringSubmatch(stdout)
	if correct == nil {
		t.Fatalf("eval printed %q", stdout)
	}
	misread := 0
	for _, r := range correct[1] {
		misread = 10*misread + int(r-'0')
	}
	misread = 100 - misread
	if misread == 0 {
		t.Fatal("a model that was hardly trained misreads nothing")
	}
	checkReport(t, filepath.Join(out, reportFile), misread)
	checkReport(t, page, misread)
	trained, err := os.ReadFile(filepath.Join(out, reportFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Loss over 2 epochs", "Accuracy over 2 epochs", "learning rate", "SHA-256"} {
		if !strings.Contains(string(trained), want) {
			t.Errorf("the report of a training lacks %q", want)
		}
	}
}

// TestReportFigures holds counts and calibration against figures by hand.
func TestReportFigures(t *testing.T) {
	prediction := func(digit int, probability float32) lenet.Prediction {
		return lenet.Prediction{Digit: digit, Probability: probability}
	}
	predictions := []lenet.Prediction{prediction(3, .995), prediction(3, .993), prediction(5, .6), prediction(5, .7), prediction(1, float32(math.NaN()))}
	labels := []byte{3, 8, 5, 5, 1}
	var r modelReport
	r.count(predictions, labels)
	r.calibrate(predictions, labels)
	if c := r.Confusion[8][3]; c.Count != 1 || c.Share != 1 || c.Class != "wrong" {
		t.Errorf("8 read as 3: %+v", c)
	}
	if c := r.Classes[8]; c.Images != 1 || c.Wrong != 1 || c.Accuracy != 0 {
		t.Errorf("class 8: %+v", c)
	}
	if c := r.Classes[5]; c.Images != 2 || c.Wrong != 0 || c.Accuracy != 1 {
		t.Errorf("class 5: %+v", c)
	}
	if b := r.Bins[1]; b.Images != 2 || math.Abs(b.Said-.65) > 1e-6 || b.Right != 1 {
		t.Errorf("50 to 80 %%: %+v", b)
	}
	if b := r.Bins[5]; b.Images != 2 || math.Abs(b.Said-.994) > 1e-6 || b.Right != .5 {
		t.Errorf("99 to 99.9 %%: %+v", b)
	}
	if b := r.Bins[0]; b.Images != 1 { // what is not a number is not certain
		t.Errorf("below 50 %%: %+v", b)
	}
}
