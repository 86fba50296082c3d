package plaintext

import "testing"

func TestUTF8(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{"", ""}, {"a,é\n", "a,é\n"}, {"\xef\xbb\xbfa,é\n", "a,é\n"},
		{"\xff\xfea\x00,\x00\xe9\x00", "a,é"}, {"\xfe\xff\x00a\x00,\x00\xe9", "a,é"},
		{"\xff\xfe=\xd8\x00\xde", "😀"}, {"\xff\xfe", ""}, {"\xff\xfea", ""}, // an odd byte at the end is none
	} {
		if got := string(UTF8([]byte(c.content))); got != c.want {
			t.Errorf("%q: expected %q, got %q", c.content, c.want, got)
		}
	}
}
