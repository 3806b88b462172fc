package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/server"
)

// demoServers serve prod and dev: one server both, or two one each.
type demoServers struct {
	written   config.Written
	prod, dev *demoServer
}

// demoServer is a server that runs, and the line by which others reach it.
type demoServer struct {
	*server.Server
	cfg     config.Config
	region  string
	line    *line // nil without peers
	end     context.CancelFunc
	stopped chan error
}

// startDemoServers starts as many servers in the folder. The caller stops them.
func startDemoServers(ctx context.Context, dir string, servers int, stderr io.Writer) (_ *demoServers, err error) {
	addr, err := freeDemoAddress()
	if err != nil {
		return nil, err
	}
	// As twinport init does.
	s := &demoServers{}
	if s.written, err = config.Init(dir, addr); err != nil {
		return nil, err
	}
	// Without the environment: the demo must not touch the user's own server.
	cfg, err := config.Load(s.written.Config, nil)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	if servers == 1 {
		s.prod, err = startDemoServer(ctx, cfg, log)
		s.dev = s.prod
		return s, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	prod, dev := cfg, cfg
	prod.Accounts, prod.Regions = cfg.Accounts[:1], cfg.Regions[:1]
	dev.Accounts, dev.Regions = cfg.Accounts[1:], cfg.Regions[len(cfg.Regions)-1:]
	dev.Listen, dev.PublicPort, dev.Data = "127.0.0.1:0", 0, filepath.Join(dir, "dev-data")
	if s.prod, err = startJoinable(ctx, prod, log); err != nil {
		return nil, err
	}
	s.dev, err = startJoinable(ctx, dev, log)
	return s, err
}

// freeDemoAddress finds one that can be written into files.
func freeDemoAddress() (string, error) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		err = probe.Close()
	}
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return probe.Addr().String(), nil
}

// startJoinable starts a server whose peers reach it by a line.
func startJoinable(ctx context.Context, cfg config.Config, log *slog.Logger) (*demoServer, error) {
	line, err := newLine()
	if err != nil {
		return nil, err
	}
	cfg.Deployment = config.Deployment{Name: cfg.Regions[0], URL: "http://" + line.address()}
	s, err := startDemoServer(ctx, cfg, log)
	if err != nil {
		line.close()
		return nil, err
	}
	s.line = line
	line.start(s.Addr())
	return s, nil
}

func startDemoServer(ctx context.Context, cfg config.Config, log *slog.Logger) (*demoServer, error) {
	running, err := server.New(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	s := &demoServer{Server: running, cfg: cfg, region: cfg.Regions[0], stopped: make(chan error, 1)}
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	s.end = end
	go func() { s.stopped <- running.Run(serving) }()
	return s, nil
}

// host is where those who push find the server, host:port.
func (s *demoServer) host() string {
	if s.line != nil {
		return s.line.address()
	}
	return s.Addr()
}

func (s *demoServer) stop() error {
	s.end()
	err := <-s.stopped
	if s.line != nil {
		s.line.close()
	}
	return err
}

// joined reports whether there are two deployments.
func (s *demoServers) joined() bool { return s.prod != s.dev }

// join makes the two peers, so that dev's lets prod's speak for the account, and
// returns the round trip between them.
func (s *demoServers) join(ctx context.Context, account string) (time.Duration, error) {
	invitation, err := server.AskPeers(ctx, s.prod.cfg, "invite", server.PeersRequest{})
	if err == nil {
		grant := peer.Grant{Accounts: []string{account}}
		_, err = server.AskPeers(ctx, s.dev.cfg, "join", server.PeersRequest{Code: invitation.Code, Grant: grant})
	}
	if err != nil {
		return 0, fmt.Errorf("join the deployments: %w", err)
	}
	var shortest time.Duration
	for range 2 { // the first may make a connection, which takes a round trip more
		checked, err := server.AskPeers(ctx, s.prod.cfg, "check", server.PeersRequest{})
		if err != nil {
			return 0, fmt.Errorf("check the line between the deployments: %w", err)
		}
		if failure := checked.Peers[0].Failure; failure != nil {
			return 0, fmt.Errorf("check the line between the deployments: %s", clause(failure.Message))
		}
		shortest = checked.Peers[0].State.RoundTrip
	}
	return shortest, nil
}

// stop stops what has started.
func (s *demoServers) stop() error {
	var err error
	if s.prod != nil {
		err = s.prod.stop()
	}
	if s.dev != nil && s.joined() {
		err = errors.Join(err, s.dev.stop())
	}
	return err
}
