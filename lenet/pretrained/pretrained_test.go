package pretrained

import (
	"math"
	"testing"

	"github.com/kernelet/kernelet/internal/testdata"
	"github.com/kernelet/kernelet/lenet"
)

// TestModel: the weights are those that the documented command makes, and read
// as well as Accuracy says.
func TestModel(t *testing.T) {
	m, err := Model()
	if err != nil {
		t.Fatal(err)
	}
	if got := m.SHA256(); got != SHA256 {
		t.Errorf("weights: expected %s, got %s", SHA256, got)
	}
	test := testdata.MNIST(t).Test
	classifier, err := lenet.NewClassifier(m)
	if err != nil {
		t.Fatal(err)
	}
	predictions := make([]lenet.Prediction, test.Len())
	if err := classifier.ClassifyBatch(predictions, test.Images); err != nil {
		t.Fatal(err)
	}
	correct := 0
	for i, p := range predictions {
		if p.Digit == int(test.Labels[i]) {
			correct++
		}
	}
	// Plain Go rounds differently, which may turn an image whose two highest logits are almost the same.
	if accuracy := 100 * float64(correct) / float64(test.Len()); math.Abs(accuracy-Accuracy) > 0.0101 {
		t.Errorf("accuracy: expected %.2f %%, got %.2f %%", Accuracy, accuracy)
	}
}
