package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// Listen says where and how Serve listens.
type Listen struct {
	HTTP string // address; empty: no HTTP
	GRPC string // address; empty: no gRPC

	// CertFile and KeyFile, in PEM, turn TLS on for both. They are read again
	// when they change.
	CertFile, KeyFile string

	// Drain is how long Serve answers as before, but says that it is not ready,
	// once its context has ended: until load balancers have noticed.
	Drain time.Duration
	// Grace bounds how long requests in flight are waited for after that; 0: 30 s.
	Grace time.Duration

	// Started, if not nil, is called with the addresses once both listen; nil
	// stands for one that does not.
	Started func(http, grpc net.Addr)
}

// Serve listens until ctx ends, and then leaves: it says that it is not ready,
// serves on for Drain, takes no more connections, waits for the requests in
// flight for at most Grace, and returns nil if all were answered. A Server
// serves once.
func (s *Server) Serve(ctx context.Context, l Listen) error {
	setDefault(&l.Grace, 30*time.Second)
	var secure *tls.Config
	if l.CertFile != "" || l.KeyFile != "" {
		pair := &keyPair{certFile: l.CertFile, keyFile: l.KeyFile, log: s.log}
		if err := pair.load(); err != nil {
			return err
		}
		secure = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get}
	}
	listeners, err := s.listen(l)
	if err != nil {
		return err
	}
	var web *http.Server
	var plain *direct
	var rpc *grpc.Server
	ended := make(chan error, len(listeners))
	var addresses [2]net.Addr
	if listener := listeners[protocolHTTP]; listener != nil {
		addresses[0] = listener.Addr()
		web = s.httpServer()
		if secure != nil {
			listener = tls.NewListener(listener, secure)
		} else {
			plain = newDirect(s, listener)
			listener = plain
		}
		go func() { ended <- web.Serve(listener) }()
	}
	if listener := listeners[protocolGRPC]; listener != nil {
		addresses[1] = listener.Addr()
		options := s.GRPCOptions()
		if secure != nil {
			options = append(options, grpc.Creds(credentials.NewTLS(secure)))
		}
		rpc = grpc.NewServer(options...)
		s.Register(rpc)
		grpc_health_v1.RegisterHealthServer(rpc, &healthService{server: s})
		go func() { ended <- rpc.Serve(listener) }()
	}
	if l.Started != nil {
		l.Started(addresses[0], addresses[1])
	}
	select {
	case <-ctx.Done():
	case err = <-ended:
		err = fmt.Errorf("serve: %w", err)
		l.Drain = 0
	}
	return errors.Join(err, s.leave(l, web, plain, rpc))
}

// listen opens the listeners, all or none.
func (s *Server) listen(l Listen) (map[string]net.Listener, error) {
	opened := map[string]net.Listener{}
	for protocol, address := range map[string]string{protocolHTTP: l.HTTP, protocolGRPC: l.GRPC} {
		if address == "" {
			continue
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			for _, other := range opened {
				_ = other.Close()
			}
			return nil, fmt.Errorf("serve: %s at %q: %w", protocol, address, err)
		}
		opened[protocol] = &limitListener{Listener: listener, server: s, protocol: protocol, open: budget{limit: int64(s.limits.Connections)}}
	}
	if len(opened) == 0 {
		return nil, errors.New("serve: expected an address for HTTP or gRPC, got none")
	}
	return opened, nil
}

// httpServer has the limits of time. HTTP/2 would let a connection hold many
// requests, and nobody needs it to send images.
func (s *Server) httpServer() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler: s, Protocols: protocols,
		ReadHeaderTimeout: s.limits.HeaderTime, ReadTimeout: s.limits.ReadTime, WriteTimeout: s.limits.WriteTime, IdleTimeout: s.limits.IdleTime,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// leave shuts down.
func (s *Server) leave(l Listen, web *http.Server, plain *direct, rpc *grpc.Server) error {
	s.ready.Store(false)
	s.log.Info("shutting down", "drain", l.Drain, "grace", l.Grace)
	time.Sleep(l.Drain)
	s.Close() // ends the pages' streams, which would go on for ever
	grace, cancel := context.WithTimeout(context.Background(), l.Grace)
	defer cancel()
	var left sync.WaitGroup
	var httpErr, grpcErr error
	if web != nil {
		left.Go(func() {
			var err error
			if plain != nil {
				err = plain.leave(grace) // before net/http, which gets connections from it
			}
			if err = errors.Join(err, web.Shutdown(grace)); err != nil {
				httpErr = fmt.Errorf("serve: http: requests in flight cut off after %v: %w", l.Grace, err)
				_ = web.Close()
			}
		})
	}
	if rpc != nil {
		left.Go(func() {
			done := make(chan struct{})
			go func() { rpc.GracefulStop(); close(done) }()
			select {
			case <-done:
			case <-grace.Done():
				grpcErr = fmt.Errorf("serve: grpc: calls in flight cut off after %v", l.Grace)
				rpc.Stop()
				<-done
			}
		})
	}
	left.Wait()
	s.log.Info("shut down", "error", errors.Join(httpErr, grpcErr))
	return errors.Join(httpErr, grpcErr)
}

// limitListener closes connections beyond a limit at once: waiting ones would
// be a pile.
type limitListener struct {
	net.Listener
	server   *Server
	protocol string
	open     budget
}

func (l *limitListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.take(1) {
			l.server.metrics.connections.WithLabelValues(l.protocol).Inc()
			return &limitedConn{Conn: conn, listener: l}, nil
		}
		l.server.metrics.refuse(l.protocol, "connections")
		_ = conn.Close()
	}
}

type limitedConn struct {
	net.Conn
	listener *limitListener
	once     sync.Once
}

func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.listener.open.give(1)
		c.listener.server.metrics.connections.WithLabelValues(c.listener.protocol).Dec()
	})
	return err
}

// healthService is gRPC's own health protocol, for all services together.
type healthService struct {
	grpc_health_v1.UnimplementedHealthServer
	server *Server
}

func (h *healthService) Check(context.Context, *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	status := grpc_health_v1.HealthCheckResponse_SERVING
	if !h.server.ready.Load() {
		status = grpc_health_v1.HealthCheckResponse_NOT_SERVING
	}
	return &grpc_health_v1.HealthCheckResponse{Status: status}, nil
}

// keyPair is a certificate from files that may change.
type keyPair struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	seen    [2]stamp
	checked time.Time
}

// keyPairAge is how old a look at the files may be.
const keyPairAge = time.Second

func (k *keyPair) load() error {
	seen := k.stamps()
	pair, err := tls.LoadX509KeyPair(k.certFile, k.keyFile)
	if err != nil {
		return fmt.Errorf("serve: TLS certificate %q and key %q: %w", k.certFile, k.keyFile, err)
	}
	k.pair, k.seen, k.checked = &pair, seen, time.Now()
	return nil
}

func (k *keyPair) stamps() (seen [2]stamp) {
	for i, path := range []string{k.certFile, k.keyFile} {
		seen[i], _ = stampOf(path) // a missing file has the zero stamp
	}
	return seen
}

// get returns the certificate, from the files as they are now if they are good.
func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.checked) < keyPairAge {
		return k.pair, nil
	}
	k.checked = time.Now()
	if now := k.stamps(); now != k.seen {
		k.seen = now
		if err := k.load(); err != nil {
			k.log.Error("certificate not read, the previous one is kept", "error", err)
		}
	}
	return k.pair, nil
}
