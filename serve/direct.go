package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// direct answers the plain requests to infer of a listener's connections by
// itself, because net/http takes more time than the classifier: small ones over
// HTTP/1.1 whose header holds nothing unusual. With everything else, and with
// whatever is not answered by 200, it hands the connection to net/http, which
// reads the request from its beginning and keeps the connection. So limits,
// errors and all other paths are net/http's and the Server's alone.
//
// It is the listener that an http.Server accepts such connections from.
type direct struct {
	listener net.Listener
	stop     func() error // closes listener once
	server   *Server
	meter    *meter
	handed   chan net.Conn // to net/http
	failed   chan error    // of accepting, to net/http

	leaving atomic.Bool
	closing sync.Once
	closed  chan struct{}

	mutex   sync.Mutex
	open    map[net.Conn]struct{}
	serving sync.WaitGroup
}

const (
	// directBytes is the largest request, with its header: an image of FP32 fits.
	directBytes = 8 << 10
	// bodyWait is the patience for the rest of a body, which clients often send
	// apart from the header. Slower ones are net/http's.
	bodyWait = 50 * time.Millisecond
	// deadlineShare of a limit may pass until a deadline is moved on, which costs
	// as much as reading a header.
	deadlineShare = 16
)

func newDirect(s *Server, listener net.Listener) *direct {
	d := &direct{listener: listener, stop: sync.OnceValue(listener.Close), server: s, meter: s.metrics.meter(protocolHTTP, "infer"),
		handed: make(chan net.Conn), failed: make(chan error), closed: make(chan struct{}), open: map[net.Conn]struct{}{}}
	d.serving.Go(d.acceptAll)
	return d
}

// acceptAll accepts until the listener is closed.
func (d *direct) acceptAll() {
	for {
		conn, err := d.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select {
			case d.failed <- err: // net/http asks again after a while, or gives up
				continue
			case <-d.closed:
				return
			}
		}
		d.mutex.Lock()
		d.open[conn] = struct{}{}
		d.mutex.Unlock()
		d.serving.Go(func() { d.serve(conn) })
	}
}

// Accept returns the next connection that is net/http's.
func (d *direct) Accept() (net.Conn, error) {
	select {
	case conn := <-d.handed:
		return conn, nil
	case err := <-d.failed:
		return nil, err
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

func (d *direct) Addr() net.Addr { return d.listener.Addr() }

// Close ends Accept.
func (d *direct) Close() error {
	d.closing.Do(func() { close(d.closed) })
	return d.stop()
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// leave takes no more connections, closes those that wait for a request, and
// waits until the others are answered or handed over, or ctx ends.
func (d *direct) leave(ctx context.Context) error {
	_ = d.stop()
	d.leaving.Store(true)
	d.each(func(conn net.Conn) { _ = conn.SetReadDeadline(past) })
	done := make(chan struct{})
	go func() { d.serving.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		_ = d.Close() // nobody takes what is handed over
		d.each(func(conn net.Conn) { _ = conn.Close() })
		<-done
		return ctx.Err()
	}
}

func (d *direct) each(f func(net.Conn)) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for conn := range d.open {
		f(conn)
	}
}

// serve answers a connection's requests until it ends or is handed over.
func (d *direct) serve(conn net.Conn) {
	c := &directConn{direct: d, Conn: conn, remote: conn.RemoteAddr().String()}
	keep := c.converse()
	d.mutex.Lock()
	delete(d.open, conn)
	d.mutex.Unlock()
	if !keep {
		_ = conn.Close()
		return
	}
	_ = conn.SetDeadline(time.Time{})
	select {
	case d.handed <- &begunConn{Conn: conn, begun: c.buffer[:c.held]}:
	case <-d.closed:
		_ = conn.Close()
	}
}

// begunConn is a connection of which something was read already.
type begunConn struct {
	net.Conn
	begun []byte
}

func (c *begunConn) Read(b []byte) (int, error) {
	if len(c.begun) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.begun)
	if c.begun = c.begun[n:]; len(c.begun) == 0 {
		c.begun = nil
	}
	return n, nil
}

// directConn is one of the connections.
type directConn struct {
	net.Conn
	direct *direct
	remote string
	buffer [directBytes]byte
	held   int    // bytes of buffer: of the request that is being read, and later ones
	answer []byte // header and body

	readLimit         time.Duration // of the deadline that is set; 0: none
	readSet, writeSet time.Time     // when the deadlines were set
	second            int64         // of date, since 1970
	date              []byte
}

// converse reads and answers requests. It returns true if what the buffer holds
// is for net/http.
func (c *directConn) converse() bool {
	limits := &c.direct.server.limits
	now := time.Now()
	for wait := limits.HeaderTime; ; wait = limits.IdleTime {
		if c.held == 0 {
			c.readUntil(now, wait)
			var err error
			if c.held, err = c.Read(c.buffer[:]); c.held == 0 && err != nil {
				return false
			}
			now = time.Now()
		}
		q, ok := parseDirect(c.buffer[:c.held])
		if !ok || q.length > len(c.buffer) || int64(q.length-q.head) > limits.BodyBytes || !c.complete(q.length) {
			return true
		}
		if !c.infer(q, now) {
			return true
		}
		now = time.Now()
		if now.Sub(c.writeSet) > limits.WriteTime/deadlineShare {
			_ = c.SetWriteDeadline(now.Add(limits.WriteTime))
			c.writeSet = now
		}
		if _, err := c.Write(c.answer); err != nil {
			return false
		}
		c.held = copy(c.buffer[:], c.buffer[q.length:c.held])
		if c.held == 0 && c.direct.leaving.Load() {
			return false
		}
	}
}

// readUntil sets a deadline for reading. Where the server leaves, it is over.
func (c *directConn) readUntil(now time.Time, limit time.Duration) {
	if limit != c.readLimit || now.Sub(c.readSet) > limit/deadlineShare {
		_ = c.SetReadDeadline(now.Add(limit))
		c.readLimit, c.readSet = limit, now
	}
	if c.direct.leaving.Load() {
		_ = c.SetReadDeadline(past)
	}
}

// complete reads until the buffer holds length bytes, and gives up soon.
func (c *directConn) complete(length int) bool {
	if c.held >= length {
		return true
	}
	end := time.Now().Add(bodyWait)
	c.readLimit = 0
	for c.held < length {
		// Again and again, because leave sets another.
		if _ = c.SetReadDeadline(end); !time.Now().Before(end) {
			return false
		}
		n, err := c.Read(c.buffer[c.held:])
		c.held += n
		var late net.Error
		if err != nil && !(errors.As(err, &late) && late.Timeout()) {
			return c.held >= length
		}
	}
	return true
}

// infer computes the answer, or reports that net/http has to do it.
func (c *directConn) infer(q directRequest, start time.Time) (answered bool) {
	d, s := c.direct, c.direct.server
	m, err := s.models.get(string(q.model))
	if err != nil {
		return false
	}
	x := s.borrow()
	d.meter.begin()
	defer func() {
		if recover() != nil { // the handler will do so too, and say it
			d.meter.abandon()
			answered = false
			return
		}
		s.giveBack(x)
	}()
	x.body = append(x.body, c.buffer[q.head:q.length]...)
	binary, err := c.compute(m, q, x)
	if err != nil {
		d.meter.abandon()
		return false
	}
	s.metrics.images(protocolHTTP, x.inferred.images)
	c.write(x.text, binary, start)
	d.meter.end(start, http.StatusOK)
	if s.log.Enabled(context.Background(), levelRequest) {
		s.logRequest(context.Background(), "infer", http.MethodPost, inferPathOf(string(q.model)), http.StatusOK, start, c.remote)
	}
	return true
}

func (c *directConn) compute(m *model, q directRequest, x *scratch) (jsonBytes int, err error) {
	s := c.direct.server
	if err := s.admit(); err != nil {
		return 0, err
	}
	defer s.inFlight.give(1)
	return s.inferBody(m, string(q.jsonLength), x)
}

// write puts header and body into c.answer.
func (c *directConn) write(body []byte, jsonBytes int, now time.Time) {
	if second := now.Unix(); second != c.second {
		c.second, c.date = second, now.UTC().AppendFormat(c.date[:0], http.TimeFormat)
	}
	b := append(c.answer[:0], "HTTP/1.1 200 OK\r\nContent-Type: "...)
	if jsonBytes < 0 {
		b = append(b, contentJSON[0]...)
	} else {
		b = append(append(b, contentOctets[0]...), "\r\n"+headerLength+": "...)
		b = strconv.AppendInt(b, int64(jsonBytes), 10)
	}
	b = strconv.AppendInt(append(b, "\r\nContent-Length: "...), int64(len(body)), 10)
	b = append(append(b, "\r\nDate: "...), c.date...)
	if c.direct.leaving.Load() {
		b = append(b, "\r\nConnection: close"...)
	}
	c.answer = append(append(b, "\r\n\r\n"...), body...)
}

// directRequest is a request to infer. Its slices belong to what was read.
type directRequest struct {
	model        []byte
	jsonLength   []byte // of Inference-Header-Content-Length; nil: not there
	head, length int    // bytes of the header, and of all
}

var (
	lineEnd   = []byte("\r\n")
	headerEnd = []byte("\r\n\r\n")
)

// parseDirect reads a header that b begins with. It is not ok if the header is not
// complete, or anything in it needs more thought than this.
func parseDirect(b []byte) (q directRequest, ok bool) {
	end := bytes.Index(b, headerEnd)
	if end < 0 {
		return q, false
	}
	q.head = end + len(headerEnd)
	line, rest, _ := bytes.Cut(b[:end+len(lineEnd)], lineEnd)
	if q.model, ok = bytes.CutPrefix(line, []byte("POST /v2/models/")); !ok {
		return q, false
	}
	if q.model, ok = bytes.CutSuffix(q.model, []byte("/infer HTTP/1.1")); !ok || !isName(q.model) {
		return q, false
	}
	hosts, lengths := 0, 0
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, lineEnd)
		name, value, found := bytes.Cut(line, []byte(":"))
		value = bytes.Trim(value, " \t")
		if !found || !isName(name) || !isText(value) {
			return q, false
		}
		switch folded := lowered(name); folded.text() {
		case "host":
			if hosts++; !isName(bytes.ReplaceAll(value, []byte(":"), nil)) {
				return q, false
			}
		case "content-length":
			n, ok := length(value)
			if !ok {
				return q, false
			}
			lengths++
			q.length = q.head + n
		case "inference-header-content-length":
			if _, ok := length(value); !ok || q.jsonLength != nil {
				return q, false
			}
			q.jsonLength = value
		case "connection":
			if !bytes.EqualFold(value, []byte("keep-alive")) {
				return q, false
			}
		case "transfer-encoding", "content-encoding", "expect", "upgrade", "trailer", "te", "http2-settings":
			return q, false
		}
	}
	return q, hosts == 1 && lengths == 1
}

// isName reports whether text is of letters, digits, dots, hyphens and
// underscores.
func isName(text []byte) bool {
	for _, c := range text {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return len(text) > 0
}

// isText reports whether text is printable ASCII and spaces.
func isText(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// length reads up to five decimal digits.
func length(text []byte) (n int, ok bool) {
	if len(text) == 0 || len(text) > 5 {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// lowerName is the name of a header's field in lower case; empty if it is longer
// than all that matter.
type lowerName struct {
	bytes [32]byte
	count int
}

func lowered(name []byte) (l lowerName) {
	if len(name) > len(l.bytes) {
		return l
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		l.bytes[i] = c
	}
	l.count = len(name)
	return l
}

func (l *lowerName) text() string { return string(l.bytes[:l.count]) }

func inferPathOf(model string) string { return fmt.Sprintf("/v2/models/%s/infer", model) }
