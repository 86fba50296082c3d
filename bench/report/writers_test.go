package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/kernelet/kernelet/bench"
)

// withFall is a report with a waterfall of three bars, one of which goes down.
func withFall() *bench.Report {
	r := sample(1)
	r.Waterfalls = []bench.Waterfall{{ISA: "avx2", Threads: 2, Batch: 100, Measured: 25, Bars: []bench.Bar{
		{Name: "the dense algorithm at the peak", Microseconds: 40}, {Name: "dropout", Microseconds: -30}, {Name: "memory <&>", Microseconds: 15},
	}}}
	return r
}

// TestWaterfallBars: every bar begins where the one before it ended, one that goes
// down hangs from there, and all are shares of the highest sum.
func TestWaterfallBars(t *testing.T) {
	got := waterfalls(withFall())
	want := []fall{{"batch 100, 2 threads, avx2", []fallBar{
		{"the dense algorithm at the peak", "+40.00", "set0", 0, 100},
		{"dropout", "-30.00", "set3", 25, 75},
		{"memory <&>", "+15.00", "set1", 25, 37.5},
		{"measured", "25.00", "set0", 0, 62.5},
	}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("expected %+v, got %+v", want, got)
	}
	// The measured step may be the widest.
	r := withFall()
	r.Waterfalls[0].Measured = 80
	if bars := waterfalls(r)[0].Bars; bars[0].Width != 50 || bars[3].Width != 100 {
		t.Errorf("got %+v", bars)
	}
	var page, text bytes.Buffer
	if err := errors.Join(WriteHTML(&page, r), WriteText(&text, r)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "memory &lt;&amp;&gt;") || strings.Contains(page.String(), "memory <&>") {
		t.Error("page: a bar's name is not there, or not escaped")
	}
	for _, line := range []string{"dropout                          -30.00  10.00", "memory <&>                       +15.00  25.00", "measured                                 80.00"} {
		if !strings.Contains(text.String(), line) {
			t.Errorf("text: expected %q in\n%s", line, text.String())
		}
	}
}

// TestStressJSON: a stress report comes back from its JSON as it was; numbers that
// JSON does not have are an error and not half a file.
func TestStressJSON(t *testing.T) {
	want := &bench.Stress{Schema: bench.StressSchema, Machine: sample(1).Machine, Checked: 20, Wrong: []int{3},
		Moments: []bench.Moment{{Seconds: 1, Rate: 1000, Clock: 4, ClockLow: 3.9, Celsius: 50, Watts: 100}}}
	var b bytes.Buffer
	if err := WriteStressJSON(&b, want); err != nil {
		t.Fatal(err)
	}
	got := new(bench.Stress)
	if err := json.Unmarshal(b.Bytes(), got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("expected %+v, got %+v, error %v", want, got, err)
	}
	if !bytes.HasSuffix(b.Bytes(), []byte("}\n")) || bytes.Count(b.Bytes(), []byte("\n")) < 10 {
		t.Errorf("expected lines, got %s", b.Bytes())
	}
	b.Reset()
	want.Moments[0].Rate = math.NaN()
	if err := WriteStressJSON(&b, want); err == nil || b.Len() != 0 {
		t.Errorf("NaN: expected an error and nothing written, got %v and %d bytes", err, b.Len())
	}
	r := sample(1)
	r.Rows[0].Value = math.Inf(1)
	if err := WriteJSON(&b, r); err == nil || b.Len() != 0 {
		t.Errorf("Inf: expected an error and nothing written, got %v and %d bytes", err, b.Len())
	}
}

// TestFullDisk: every form of a report says that it could not be written whole,
// wherever the room ends.
func TestFullDisk(t *testing.T) {
	r := withFall()
	s := &bench.Stress{Schema: bench.StressSchema, Machine: r.Machine, Moments: []bench.Moment{{Seconds: 1, Rate: 1000, Clock: 4}, {Seconds: 2, Rate: 1000, Clock: 4}}}
	names, both := []string{"a", "b"}, []*bench.Report{r, sample(2)}
	for name, write := range map[string]func(io.Writer) error{
		"text": func(w io.Writer) error { return WriteText(w, r) }, "JSON": func(w io.Writer) error { return WriteJSON(w, r) },
		"page": func(w io.Writer) error { return WriteHTML(w, r) }, "benchmarks": func(w io.Writer) error { return WriteBenchmarks(w, r) },
		"stress, text": func(w io.Writer) error { return WriteStressText(w, s) }, "stress, JSON": func(w io.Writer) error { return WriteStressJSON(w, s) },
		"stress, page": func(w io.Writer) error { return WriteStressHTML(w, s) },
		"comparison":   func(w io.Writer) error { return Compare(w, names, both) }, "Markdown": func(w io.Writer) error { return CompareMarkdown(w, names, both) },
		"CSV": func(w io.Writer) error { return CompareCSV(w, names, both) }, "comparison, page": func(w io.Writer) error { return CompareHTML(w, names, both) },
	} {
		var whole bytes.Buffer
		if err := write(&whole); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n := whole.Len()
		for _, room := range []int{0, 1, n / 2, n - 1} {
			if err := write(&smallDisk{room}); !errors.Is(err, errFull) {
				t.Errorf("%s: room for %d of %d bytes: expected an error, got %v", name, room, n, err)
			}
		}
		if err := write(&smallDisk{n}); err != nil {
			t.Errorf("%s: room for all: %v", name, err)
		}
	}
}

// smallDisk takes so many bytes and then is full.
type smallDisk struct{ room int }

var errFull = errors.New("full")

func (d *smallDisk) Write(p []byte) (int, error) {
	if len(p) > d.room {
		n := d.room
		d.room = 0
		return n, errFull
	}
	d.room -= len(p)
	return len(p), nil
}
