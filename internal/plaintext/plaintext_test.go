package plaintext

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestUTF8(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{"", ""}, {"a,é\n", "a,é\n"}, {"\xef\xbb\xbfa,é\n", "a,é\n"},
		{"\xff\xfea\x00,\x00\xe9\x00", "a,é"}, {"\xfe\xff\x00a\x00,\x00\xe9", "a,é"},
		{"\xff\xfe=\xd8\x00\xde", "😀"}, {"\xff\xfe", ""}, {"\xff\xfe\x00\xd8a\x00", "\ufffda"}, {"\xfe\xff\xd8\x3d", "\ufffd"}, // half a letter
		{"\xff\xfea", ""}, // an odd byte at the end is none
	} {
		if got := string(UTF8([]byte(c.content))); got != c.want {
			t.Errorf("%q: expected %q, got %q", c.content, c.want, got)
		}
		// Byte by byte, and all at once.
		for _, r := range []io.Reader{iotest.OneByteReader(strings.NewReader(c.content)), strings.NewReader(c.content)} {
			for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, func(r io.Reader) io.Reader { return r }} {
				if got, err := io.ReadAll(wrap(Reader(bufio.NewReader(r)))); err != nil || string(got) != c.want {
					t.Errorf("%q, read: expected %q, got %q, error %v", c.content, c.want, got, err)
				}
				r = strings.NewReader(c.content)
			}
		}
	}
}
