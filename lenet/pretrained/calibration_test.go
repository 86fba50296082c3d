package pretrained_test

import (
	"errors"
	"testing"

	"github.com/kernelet/kernelet/internal/nondigits"
	"github.com/kernelet/kernelet/internal/testmnist"
	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/picture"
)

func classifier(t *testing.T) *lenet.Classifier {
	t.Helper()
	model, err := pretrained.Model()
	if err != nil {
		t.Fatal(err)
	}
	c, err := lenet.NewClassifier(model, lenet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestNonDigits: of drawn pictures without a digit, others than the score was
// fitted on, most are refused; a floor that only goes up.
func TestNonDigits(t *testing.T) {
	reader := picture.NewReader(classifier(t))
	const each, floor = 60, 0.93
	refused := 0
	for kind, name := range nondigits.Kinds {
		before := refused
		for n := range uint64(each) {
			d, err := reader.Digit(nondigits.Draw(kind, 1_000_000+n))
			if errors.Is(err, picture.ErrBlank) || err == nil && d.Rejected() {
				refused++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%s: %d of %d refused", name, refused-before, each)
	}
	total := each * len(nondigits.Kinds)
	t.Logf("%d of %d refused", refused, total)
	if float64(refused) < floor*float64(total) {
		t.Errorf("expected at least %.0f %% refused, got %d of %d", 100*floor, refused, total)
	}
}

// TestCalibration: on the test images that the calibration was not fitted on,
// at most 1 % of the right answers are refused, and of the answers with at
// least 0.9 at least nine in ten are right.
func TestCalibration(t *testing.T) {
	test := testmnist.MNIST(t).Test
	predictions := make([]lenet.Prediction, test.Len())
	if err := classifier(t).ClassifyBatch(predictions, test.Images); err != nil {
		t.Fatal(err)
	}
	right, refused, sure, sureRight := 0, 0, 0, 0
	for i, p := range predictions[5000:] {
		ok := p.Digit == int(test.Labels[5000+i])
		if ok {
			right++
			if p.Rejected() {
				refused++
			}
		}
		if p.Probability >= 0.9 {
			sure++
			if ok {
				sureRight++
			}
		}
	}
	t.Logf("%d right, %d of them refused; %d with 0.9, %d of them right", right, refused, sure, sureRight)
	if 100*refused > right {
		t.Errorf("expected at most 1 %% of %d right answers refused, got %d", right, refused)
	}
	if 10*sureRight < 9*sure || 10*sure < 9*right {
		t.Errorf("of %d answers with at least 0.9, %d are right", sure, sureRight)
	}
}
