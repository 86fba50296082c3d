package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/kernelet/kernelet/lenet/pretrained"
	"github.com/kernelet/kernelet/serve"
)

type serveCommand struct {
	Listen string `help:"Address of the page and of HTTP." default:"127.0.0.1:8080" placeholder:"ADDRESS"`
	GRPC   string `name:"grpc" help:"Address of gRPC; empty: none." default:"127.0.0.1:8081" placeholder:"ADDRESS"`
	Model  string `help:"Model to serve as \"lenet\", read again when it changes or on SIGHUP; the pretrained one if not given." placeholder:"FILE"`
	Models string `help:"Folder whose NAME.safetensors are served under their names." placeholder:"DIR"`
	Data   string `help:"Folder with the four IDX files, to train on from the page." placeholder:"DIR"`

	TLSCert string `name:"tls-cert" help:"Certificate chain, PEM; read again when it changes." placeholder:"FILE"`
	TLSKey  string `name:"tls-key" help:"Its key, PEM." placeholder:"FILE"`

	Page          bool `help:"Serve the page." default:"true" negatable:""`
	AllowTraining bool `name:"allow-training" help:"Let everybody who reaches the page train and measure, not this machine alone."`

	Drain time.Duration `help:"On SIGTERM, time to serve on as not ready." default:"0s"`
	Grace time.Duration `help:"After that, time for requests in flight." default:"30s"`

	MaxBody        int64 `name:"max-body" help:"Bytes of an HTTP body." default:"67108864" placeholder:"BYTES"`
	MaxImages      int   `name:"max-images" help:"Images of an inference request." default:"10000" placeholder:"N"`
	MaxPixels      int   `name:"max-pixels" help:"Pixels of a picture." default:"16000000" placeholder:"N"`
	MaxInFlight    int   `name:"max-in-flight" help:"Requests that are being computed." default:"256" placeholder:"N"`
	MaxConnections int   `name:"max-connections" help:"Connections of HTTP and of gRPC, each." default:"4096" placeholder:"N"`
	MaxMemory      int64 `name:"max-memory" help:"Bytes of all bodies in flight." default:"268435456" placeholder:"BYTES"`

	LogFormat string `name:"log-format" help:"text or json." enum:"text,json" default:"text"`
	LogLevel  string `name:"log-level" help:"debug (every request), info, warn or error." enum:"debug,info,warn,error" default:"info"`
}

// Run serves until the context ends.
func (c *serveCommand) Run(e *environment) error {
	log, err := c.logger(e)
	if err != nil {
		return err
	}
	options := serve.Options{
		ModelFile: c.Model, ModelFolder: c.Models, TrainingData: c.Data, AllowTraining: c.AllowTraining, NoPage: !c.Page, Log: log,
		Limits: serve.Limits{BodyBytes: c.MaxBody, Images: c.MaxImages, PicturePixels: c.MaxPixels, InFlight: c.MaxInFlight,
			Connections: c.MaxConnections, Memory: c.MaxMemory},
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return usageError{fmt.Errorf("serve: expected --tls-cert and --tls-key together")}
	}
	if c.Model == "" {
		if options.Model, err = pretrained.Model(); err != nil {
			return err
		}
	}
	server, err := serve.New(options)
	if err != nil {
		return err
	}
	defer server.Close()
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(server.MemoryBound())
	}
	stop := reloadOnHangup(e.ctx, server, log)
	defer stop()
	return server.Serve(e.ctx, serve.Listen{
		HTTP: c.Listen, GRPC: c.GRPC, CertFile: c.TLSCert, KeyFile: c.TLSKey, Drain: c.Drain, Grace: c.Grace,
		Started: func(http, grpc net.Addr) {
			log.Info("ready", "http", addressText(http), "grpc", addressText(grpc), "memory_bound_mib", server.MemoryBound()>>20)
			if http != nil && c.Page {
				fmt.Fprintf(e.stdout, "%s://%s/\n", map[bool]string{true: "https", false: "http"}[c.TLSCert != ""], http)
			}
		},
	})
}

func addressText(a net.Addr) string {
	if a == nil {
		return "off"
	}
	return a.String()
}

func (c *serveCommand) logger(e *environment) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return nil, err
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(e.stderr, options)), nil
	}
	return slog.New(slog.NewTextHandler(e.stderr, options)), nil
}

// reloadOnHangup reads the models again at every SIGHUP, until stop.
func reloadOnHangup(ctx context.Context, server *serve.Server, log *slog.Logger) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	hangupReloads.Store(true)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				if err := server.Reload(); err == nil {
					log.Info("models read again")
				}
			}
		}
	}()
	return func() { hangupReloads.Store(false); signal.Stop(hangups); cancel() }
}
