package pickle

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

// tensors knows two names, one to be called and one not, and what persistent ids
// stand for, as a reader of state dictionaries does.
var tensors = Reader{
	Globals: map[string]func(Tuple) (any, error){
		"torch.add": func(arguments Tuple) (any, error) {
			if len(arguments) != 2 {
				return nil, errors.New("expected two numbers")
			}
			return arguments[0].(int64) + arguments[1].(int64), nil
		},
		"torch.FloatStorage": nil,
	},
	Persistent: func(id any) (any, error) {
		if id != "s" {
			return nil, errors.New("expected s")
		}
		return "storage", nil
	},
}

// TestValues: what Python's pickle writes of numbers, texts, bytes, containers
// and memory, at the edges of their lengths.
func TestValues(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    any
	}{
		"0":             {"K\x00.", int64(0)},
		"255":           {"K\xff.", int64(255)},
		"65535":         {"M\xff\xff.", int64(65535)},
		"-1":            {"J\xff\xff\xff\xff.", int64(-1)},
		"-2**31":        {"J\x00\x00\x00\x80.", int64(math.MinInt32)},
		"long 0":        {"\x8a\x00.", int64(0)},
		"long -1":       {"\x8a\x01\xff.", int64(-1)},
		"long 255":      {"\x8a\x02\xff\x00.", int64(255)},
		"long -256":     {"\x8a\x02\x00\xff.", int64(-256)},
		"long 2**40":    {"\x8a\x06\x00\x00\x00\x00\x00\x01.", int64(1 << 40)},
		"long -2**63":   {"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.", int64(math.MinInt64)},
		"long of ten":   {"\x8a\x0a0123456789.", []byte("0123456789")},
		"float":         {"G\xbf\xf8\x00\x00\x00\x00\x00\x00.", -1.5},
		"false":         {"\x89.", false},
		"bytes":         {"C\x02ab.", []byte("ab")},
		"bytes, none":   {"B\x00\x00\x00\x00.", []byte{}},
		"old text":      {"U\x02ab.", "ab"},
		"old long text": {"T\x02\x00\x00\x00ab.", "ab"},
		"tuple of one":  {"N\x85.", Tuple{nil}},
		"of three":      {"K\x01K\x02K\x03\x87.", Tuple{int64(1), int64(2), int64(3)}},
		"to a mark":     {"(K\x01K\x02t.", Tuple{int64(1), int64(2)}},
		"no tuple":      {").", Tuple{}},
		"list":          {"](K\x01K\x02e.", &List{[]any{int64(1), int64(2)}}},
		"list to mark":  {"(K\x01l.", &List{[]any{int64(1)}}},
		"append":        {"]K\x01a.", &List{[]any{int64(1)}}},
		"dictionary":    {"}K\x01K\x02s.", &Dict{[]any{int64(1)}, []any{int64(2)}}},
		"dict to mark":  {"(K\x01K\x02d.", &Dict{[]any{int64(1)}, []any{int64(2)}}},
		"pop":           {"K\x01K\x020.", int64(1)},
		"memory":        {"K\x07q\x050h\x05.", int64(7)},
		"memory of 4":   {"K\x07r\x00\x00\x01\x000j\x00\x00\x01\x00.", int64(7)},
		"memory next":   {"K\x07\x940h\x00.", int64(7)},
		"a name":        {"ctorch\nFloatStorage\n.", Global{"torch", "FloatStorage"}},
		"a stack name":  {"\x8c\x05torch\x8c\x0cFloatStorage\x93.", Global{"torch", "FloatStorage"}},
		"a call":        {"ctorch\nadd\nK\x01K\x02\x86R.", int64(3)},
		"a storage":     {"X\x01\x00\x00\x00sQ.", "storage"},
		"attributes":    {"}}b.", &Dict{}},
	} {
		got, err := tensors.Read(bytes.NewReader([]byte("\x80\x02" + c.content)))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: expected %#v, got %#v, error %v", name, c.want, got, err)
		}
	}
}

// TestRefused: every operation, with what it needs missing, cut off, of another
// kind or too long, is an error that says which.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ content, says string }{
		"protocol 1":           {"\x80\x01N.", "protocol: expected 2 to 5, got 1"},
		"protocol 6":           {"\x80\x06N.", "protocol: expected 2 to 5, got 6"},
		"int, cut":             {"\x80\x02J\x00\x00", "expected 4 more bytes, got 2"},
		"float, cut":           {"\x80\x02G\x00", "expected 8 more bytes, got 1"},
		"long, cut":            {"\x80\x02\x8a\x08\x00.", "expected 8 more bytes, got 2"},
		"long of eleven":       {"\x80\x02\x8a\x0b0123456789a.", "an integer of at most 10 bytes, got 11"},
		"frame, cut":           {"\x80\x04\x95\x00", "expected 8 more bytes"},
		"text in Latin-1":      {"\x80\x02X\x01\x00\x00\x00\xe9.", "expected a text in UTF-8"},
		"a name, cut":          {"\x80\x02ctorch\nFloat", "expected a line of at most 1000 bytes"},
		"a name, no line":      {"\x80\x02c", "expected a line"},
		"a name, long":         {"\x80\x02c" + strings.Repeat("a", 1002) + "\nb\n.", "expected a line of at most 1000 bytes"},
		"another name":         {"\x80\x02cos\nsystem\n.", `"os"."system" is named, which is code to be run`},
		"another stack name":   {"\x80\x04\x8c\x02os\x8c\x06system\x93.", `"os"."system" is named`},
		"stack name, none":     {"\x80\x04\x93.", "a value is missing"},
		"stack name, one":      {"\x80\x04\x8c\x06system\x93.", "a value is missing"},
		"stack name, number":   {"\x80\x04K\x01K\x02\x93.", "expected a name, got int64"},
		"module a number":      {"\x80\x04K\x01\x8c\x06system\x93.", "expected a module, got int64"},
		"a call, none":         {"\x80\x02R.", "a value is missing"},
		"arguments a number":   {"\x80\x02ctorch\nadd\nK\x01R.", "expected arguments, got int64"},
		"function missing":     {"\x80\x02)R.", "a value is missing"},
		"function a number":    {"\x80\x02K\x01)R.", "expected a function, got int64"},
		"not to be called":     {"\x80\x02ctorch\nFloatStorage\n)R.", "torch.FloatStorage is not to be called"},
		"the call fails":       {"\x80\x02ctorch\nadd\n)R.", "expected two numbers"},
		"storage, none":        {"\x80\x02Q.", "a value is missing"},
		"another storage":      {"\x80\x02X\x01\x00\x00\x00tQ.", "expected s"},
		"attributes, none":     {"\x80\x02b.", "a value is missing"},
		"attributes of a list": {"\x80\x02]}b.", "attributes are set of *pickle.List"},
		"append to a number":   {"\x80\x02K\x01K\x02a.", "expected a list, got int64"},
		"append to nothing":    {"\x80\x02K\x02a.", "expected a list, got <nil>"},
		"append, none":         {"\x80\x02a.", "a value is missing"},
		"append, no mark":      {"\x80\x02]K\x01e.", "a mark is missing"},
		"set of a list":        {"\x80\x02]K\x01K\x02s.", "expected a dictionary, got *pickle.List"},
		"set, none":            {"\x80\x02}K\x01s.", "expected a dictionary, got <nil>"},
		"set, no mark":         {"\x80\x02}u.", "a mark is missing"},
		"a key alone":          {"\x80\x02}(K\x01u.", "a key has no value"},
		"a key alone, built":   {"\x80\x02(K\x01d.", "a key has no value"},
		"no mark":              {"\x80\x02K\x01t.", "a mark is missing"},
		"remember nothing":     {"\x80\x02q\x00.", "nothing to remember"},
		"remember, cut":        {"\x80\x02Nr\x00", "expected 4 more bytes"},
		"recall, cut":          {"\x80\x02Nj\x00", "expected 4 more bytes"},
		"recall":               {"\x80\x02Nq\x01h\x02.", "nothing was remembered as 2"},
		"another operation":    {"\x80\x02i.", "operation 0x69 has no place in a state dictionary"},
		"no end of operations": {"\x80\x02" + strings.Repeat("N0", 600_000), "at most 1000000 operations"},
	} {
		if v, err := tensors.Read(bytes.NewReader([]byte(c.content))); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: expected ErrFormat that says %q, got %v, %v", name, c.says, v, err)
		}
	}
	if v, err := refusing.Read(bytes.NewReader([]byte("\x80\x02NQ."))); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "a persistent id has no place here") {
		t.Errorf("no persistent ids: got %v, %v", v, err)
	}
}

// TestFind: the value of a text key, wherever it stands; keys of other types are
// none.
func TestFind(t *testing.T) {
	d := &Dict{Keys: []any{int64(1), "a", "b", "b"}, Values: []any{"one", nil, "first", "second"}}
	for key, want := range map[string]any{"a": nil, "b": "first"} {
		if got, ok := d.Find(key); !ok || got != want {
			t.Errorf("%s: expected %v, got %v, %v", key, want, got, ok)
		}
	}
	if got, ok := d.Find("1"); ok {
		t.Errorf("1: got %v", got)
	}
}
