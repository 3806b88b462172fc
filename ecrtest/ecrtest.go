// Package ecrtest starts container registries that speak Amazon ECR inside the
// process of a test. They are Twinport itself, as it runs in production, but
// for the stores, which are in memory: policies are enforced, images are checked,
// and replication between accounts and Regions replicates.
//
//	func TestPush(t *testing.T) {
//		registry := ecrtest.Start(t)
//		client := ecr.New(ecr.Options{
//			BaseEndpoint: &registry.Endpoint,
//			Region:       registry.Regions[0],
//			Credentials: credentials.NewStaticCredentialsProvider(
//				registry.Accounts[0].AccessKeyID, registry.Accounts[0].SecretAccessKey, ""),
//		})
//		…
//	}
//
// A server is ready when Start returns, takes some milliseconds to start, and
// listens on the loopback interface only. Any number of them may run side by
// side; they have nothing in common. No files, no network and no configuration
// are needed, and environment variables have no effect on them.
package ecrtest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/server"
)

// TB is what Start needs of a test: *testing.T, *testing.B and *testing.F have
// it, and what test frameworks offer in their place.
type TB interface {
	Helper()
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Server is a running server. Its fields are not to be changed.
type Server struct {
	// Endpoint is the URL for AWS clients, such as http://127.0.0.1:41573.
	Endpoint string
	// Accounts and Regions are those that are served: each account has a registry
	// in each Region. Without options there are two of both.
	Accounts []Account
	Regions  []string

	keys *auth.Directory
	// stop ends what serves, and waits for it.
	stop func() error
}

// Start starts a server, which is stopped when the test ends. The test fails at
// once if that is not possible. What the server warns of, such as a replication
// that is refused, is in the test's log.
func Start(t TB, options ...Option) *Server {
	t.Helper()
	s, err := start(slog.New(slog.NewTextHandler(logWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn})), options)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Logf("%v", err)
		}
	})
	return s
}

// New starts a server where there is no test, as in TestMain. The caller closes it.
func New(options ...Option) (*Server, error) {
	return start(slog.New(slog.DiscardHandler), options)
}

func start(log *slog.Logger, options []Option) (*Server, error) {
	cfg, err := configure(options)
	if err != nil {
		return nil, fmt.Errorf("ecrtest: configure a registry: %w", err)
	}
	keys, err := auth.NewDirectory(cfg.AuthAccounts())
	if err != nil {
		return nil, fmt.Errorf("ecrtest: read the accounts: %w", err)
	}
	running, err := server.New(context.Background(), cfg, log)
	if err != nil {
		return nil, fmt.Errorf("ecrtest: start a registry: %w", err)
	}
	s := &Server{Endpoint: running.URL(), Regions: cfg.Regions, keys: keys}
	for _, a := range cfg.Accounts {
		s.Accounts = append(s.Accounts, Account{
			ID: a.ID, Name: a.Name, AccessKeyID: a.AccessKeys[0].ID, SecretAccessKey: a.AccessKeys[0].Secret,
		})
	}
	serving, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- running.Run(serving) }()
	s.stop = sync.OnceValue(func() error {
		end()
		if err := <-ended; err != nil {
			return fmt.Errorf("ecrtest: stop a registry: %w", err)
		}
		return nil
	})
	return s, nil
}

// Close stops the server. Requests under way have a second to finish; when Close
// returns, nothing of the server is left. Closing twice is safe.
func (s *Server) Close() error { return s.stop() }

// Registry is what stands before the name of a repository in references to its
// images, without a slash: <host>:<port>/<account>/<Region>. The server's
// answers have it in repositoryUri.
func (s *Server) Registry(a Account, region string) string {
	return s.host() + "/" + a.ID + "/" + region
}

// RegistryHost is the host of a registry in the form of ECR's own, with the
// port: <account>.dkr.ecr.<Region>.localhost:<port>. Names of repositories
// follow it directly. It leads to the server where names below localhost do, or
// with a client that connects to the endpoint whatever the name.
func (s *Server) RegistryHost(a Account, region string) string {
	host := s.host()
	return a.ID + ".dkr.ecr." + region + ".localhost" + host[strings.LastIndexByte(host, ':'):]
}

// host is the endpoint's, with the port: what docker login takes.
func (s *Server) host() string { return strings.TrimPrefix(s.Endpoint, "http://") }

// Login returns what docker login takes, for twelve hours: AWS, and the password
// that GetAuthorizationToken would give the account in the Region. As with ECR
// it opens registries of others, too, as far as their policies allow; it is for
// Registry and RegistryHost alike. There is no password for accounts that the
// server does not have.
func (s *Server) Login(a Account, region string) (username, password string) {
	key, err := s.keys.AccessKey(context.Background(), a.AccessKeyID)
	if err != nil || key.Secret != a.SecretAccessKey {
		return "AWS", ""
	}
	return "AWS", auth.SignToken(key, auth.Token{Region: region, Expires: time.Now().Add(auth.TokenLifetime)})
}

// Environ is an environment, in the form of os.Environ, by which the aws command,
// SDKs and Terraform reach the server as the account in the Region. It is meant
// to be appended to that of a command.
func (s *Server) Environ(a Account, region string) []string {
	return []string{
		"AWS_ENDPOINT_URL=" + s.Endpoint, "AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + a.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + a.SecretAccessKey, "AWS_SESSION_TOKEN=",
	}
}

// logWriter writes to the log of a test.
type logWriter struct{ t TB }

func (w logWriter) Write(line []byte) (int, error) {
	w.t.Logf("%s", strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}
