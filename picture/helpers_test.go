package picture_test

import (
	"testing"

	"github.com/kernelet/kernelet/lenet"
	"github.com/kernelet/kernelet/lenet/pretrained"
)

func newClassifier(t testing.TB) *lenet.Classifier {
	t.Helper()
	model, err := pretrained.Model()
	if err != nil {
		t.Fatal(err)
	}
	classifier, err := lenet.NewClassifier(model, lenet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return classifier
}
