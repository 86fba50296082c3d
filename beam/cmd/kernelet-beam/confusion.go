package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/kernelet/kernelet/beam/internal/classify"
)

// printConfusion writes the confusion matrix, a row a label.
func printConfusion(w io.Writer, s *classify.Summary) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "label\\digit\t")
	for digit := range s.Confusion {
		fmt.Fprintf(t, "%d\t", digit)
	}
	fmt.Fprintln(t)
	for label, row := range s.Confusion {
		fmt.Fprintf(t, "%d\t", label)
		for _, n := range row {
			fmt.Fprintf(t, "%d\t", n)
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	fmt.Fprintf(w, "%d of %d labelled images right, %.4f %%\n", s.Correct, s.Labelled, s.Accuracy)
}
