package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

// program is a server under measurement: how to start it, and how a client
// becomes one who may use a repository of it.
type program struct {
	name   string
	binary string
	// configure writes what the program reads and returns its arguments and
	// what it wants in its environment.
	configure func(dir, addr string) (args, env []string, err error)
	// settings of Twinport's configuration beside its accounts and stores.
	settings string
	// open makes sure that the repository exists and returns how to address it.
	open func(ctx context.Context, addr, repository string) (endpoint, error)
	// metrics says that it counts its round trips at /metrics.
	metrics bool
	// within, if there is any, is the command that runs it in another place, where
	// it is reached at host.
	within []string
	host   string
}

const distributionVersion = "v3.1.2"

// buildDistribution installs CNCF distribution into a folder of its own,
// once; later runs find it there.
func buildDistribution(ctx context.Context, cache string) (program, error) {
	bin := filepath.Join(cache, "distribution-"+distributionVersion)
	p := program{name: "distribution", binary: filepath.Join(bin, "registry"), configure: configureDistribution,
		open: func(_ context.Context, addr, repository string) (endpoint, error) {
			return endpoint{addr: addr, host: addr, repository: repository}, nil
		}}
	if _, err := os.Stat(p.binary); err == nil {
		return p, nil
	}
	cmd := exec.CommandContext(ctx, "go", "install", "github.com/distribution/distribution/v3/cmd/registry@"+
		distributionVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+bin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return p, fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return p, nil
}

// configureDistribution writes the project's own sample configuration:
// filesystem driver, descriptors cached in memory; access log and traces off.
func configureDistribution(dir, addr string) (args, env []string, err error) {
	file := filepath.Join(dir, "config.yml")
	err = os.WriteFile(file, fmt.Appendf(nil, `version: 0.1
log:
  level: error
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: %s
  cache:
    blobdescriptor: inmemory
http:
  addr: %s
`, filepath.Join(dir, "data"), addr), 0o600)
	return []string{"serve", file}, []string{"OTEL_TRACES_EXPORTER=none"}, err
}

const region = "us-east-1"

// account of the Twinport under measurement. The keys are no secret: they
// open a server that lives for one test, on the loopback address.
type account struct {
	id, name, keyID, secret string
}

var (
	prod = account{"111122223333", "prod", "AKIATWINPORTBENCHP01", "bench-secret-of-prod-0123456789abcdefghi"}
	dev  = account{"444455556666", "dev", "AKIATWINPORTBENCHD01", "bench-secret-of-dev-0123456789abcdefghij"}
)

// client of the ECR API, with the account's root key.
func (a account) client(addr string) *ecr.Client { return a.clientIn(region, addr) }

func (a account) clientIn(region, addr string) *ecr.Client {
	return ecr.New(ecr.Options{
		Region:       region,
		BaseEndpoint: aws.String("http://" + addr),
		Credentials:  credentials.NewStaticCredentialsProvider(a.keyID, a.secret, ""),
	})
}

// create creates a repository of the account.
func (a account) create(ctx context.Context, region, addr, repository string) error {
	_, err := a.clientIn(region, addr).CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: &repository})
	if err != nil {
		err = fmt.Errorf("create repository %s: %w", repository, err)
	}
	return err
}

// endpoint logs in to the account's registry, as aws ecr get-login-password does.
func (a account) endpoint(ctx context.Context, addr, repository string) (endpoint, error) {
	return a.endpointIn(ctx, region, addr, repository)
}

func (a account) endpointIn(ctx context.Context, region, addr, repository string) (endpoint, error) {
	out, err := a.clientIn(region, addr).GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return endpoint{}, fmt.Errorf("log in to account %s: %w", a.name, err)
	}
	if len(out.AuthorizationData) != 1 {
		return endpoint{}, fmt.Errorf("log in to account %s: %d tokens, want 1", a.name, len(out.AuthorizationData))
	}
	_, port, err := net.SplitHostPort(addr)
	return endpoint{
		addr:       addr,
		host:       fmt.Sprintf("%s.dkr.ecr.%s.localhost:%s", a.id, region, port),
		auth:       "Basic " + aws.ToString(out.AuthorizationData[0].AuthorizationToken),
		repository: repository,
	}, err
}

// buildTwinport builds the tree that this program belongs to, unless a binary
// is given.
func buildTwinport(ctx context.Context, cache, binary string) (program, error) {
	p := program{name: "twinport", binary: binary, settings: withoutRates, metrics: true,
		open: func(ctx context.Context, addr, repository string) (endpoint, error) {
			if err := prod.create(ctx, region, addr, repository); err != nil {
				return endpoint{}, err
			}
			return prod.endpoint(ctx, addr, repository)
		}}
	if binary == "" {
		p.binary = filepath.Join(cache, "twinport")
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", p.binary,
			"github.com/twinport/twinport/cmd/twinport")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released
		if out, err := cmd.CombinedOutput(); err != nil {
			return p, fmt.Errorf("%s: %w\n%s", cmd, err, out)
		}
	} else if text, err := os.ReadFile(binary); err != nil {
		return p, err
	} else if !bytes.Contains(text, []byte("requests_per_second")) {
		p.settings = "" // a build before the quotas refuses the key
	}
	// The servers run in folders of their own.
	var err error
	if p.binary, err = filepath.Abs(p.binary); err != nil {
		return p, err
	}
	p.configure = func(dir, addr string) (args, env []string, err error) {
		return configureTwinport(dir, filepath.Join(dir, "data"), addr, p.settings)
	}
	return p, nil
}

// withoutRates is the part of the configuration that lifts the quotas on requests
// per second: the benchmarks find out what the program can do.
const withoutRates = "quotas: {requests_per_second: none}\n"

// configureTwinport adds settings to a configuration of two accounts.
func configureTwinport(dir, data, addr, settings string) (args, env []string, err error) {
	return configureIn(region, dir, data, addr, settings)
}

func configureIn(region, dir, data, addr, settings string) (args, env []string, err error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "listen: %q\ndomain: localhost\ndata: %s\nregions: [%s]\n%saccounts:\n", addr, data, region, settings)
	for _, a := range []account{prod, dev} {
		fmt.Fprintf(&b, "  - id: %q\n    name: %s\n    access_keys:\n      - {id: %s, secret: %s}\n", a.id, a.name, a.keyID,
			a.secret)
	}
	return []string{"serve", "--config", configurationOf(dir)}, nil, os.WriteFile(configurationOf(dir), b.Bytes(), 0o600)
}

// configurationOf is Twinport's in the folder of a process.
func configurationOf(dir string) string { return filepath.Join(dir, "twinport.yaml") }

// process is a program that runs and answers.
type process struct {
	program program
	addr    string
	// startup is the time from exec to the first answer.
	startup time.Duration
	dir     string
	log     string
	cmd     *exec.Cmd
	exited  chan error
}

// otherPort is the port of a program in a place of its own, where all are free.
const otherPort = "5000"

// start runs the program on an empty folder below base and waits until it answers.
func start(ctx context.Context, p program, base string) (_ *process, err error) {
	dir, err := os.MkdirTemp(base, p.name+"-")
	if err != nil {
		return nil, err
	}
	s := &process{program: p, dir: dir, log: filepath.Join(dir, "log"), exited: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start %s: %w%s", p.name, err, s.lastWords()), os.RemoveAll(dir))
		}
	}()
	if p.within != nil {
		s.addr = net.JoinHostPort(p.host, otherPort)
	} else if s.addr, err = freeAddress(); err != nil {
		return nil, err
	}
	args, env, err := p.configure(dir, s.addr)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	argv := append(append(slices.Clone(p.within), p.binary), args...)
	s.cmd = exec.CommandContext(ctx, argv[0], argv[1:]...)
	s.cmd.Dir, s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = dir, append(os.Environ(), env...), log, log
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.exited <- s.cmd.Wait() }()
	for {
		if s.answers() {
			s.startup = time.Since(began)
			return s, nil
		}
		select {
		case err := <-s.exited:
			return nil, fmt.Errorf("it ended before it answered: %v", err)
		case <-time.After(time.Millisecond):
		}
		if time.Since(began) > 30*time.Second {
			_ = s.cmd.Process.Kill()
			return nil, errors.New("no answer within 30 s")
		}
	}
}

// answers reports whether the server speaks HTTP; 401 to a client without
// rights is as good an answer as 200.
func (s *process) answers() bool {
	c := newConn(context.Background(), endpoint{addr: s.addr, host: s.addr})
	c.deadline = time.Now().Add(time.Second)
	defer c.close()
	res, err := c.roundTrip(c.endpoint.request("GET", "/v2/", "", 0), body{}, nil)
	return err == nil && (res.status == 200 || res.status == 401)
}

// stop ends the process as an operator does and removes its folder.
func (s *process) stop() error {
	err := s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(20 * time.Second):
		err = errors.Join(fmt.Errorf("%s still ran 20 s after SIGTERM", s.program.name), s.cmd.Process.Kill())
		<-s.exited
	}
	if errors.Is(err, os.ErrProcessDone) {
		err = fmt.Errorf("%s ended by itself%s", s.program.name, s.lastWords())
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// lastWords is the end of the server's log, for an error message.
func (s *process) lastWords() string {
	text, err := os.ReadFile(s.log)
	if err != nil || len(text) == 0 {
		return ""
	}
	return "; its log ends:\n" + string(text[max(0, len(text)-2000):])
}

// memory of the process in MiB: now, and at its peak since it started.
func (s *process) memory() (rss, peak float64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if name != "VmRSS" && name != "VmHWM" {
			continue
		}
		kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
		if err != nil {
			return 0, 0, fmt.Errorf("%s of process %d: %w", name, s.cmd.Process.Pid, err)
		}
		if name == "VmRSS" {
			rss = kib / 1024
		} else {
			peak = kib / 1024
		}
	}
	return rss, peak, nil
}

// usage is what a process has spent since it started.
type usage struct {
	cpu   time.Duration
	trips float64 // round trips to its database
}

func usageOf(all []*process) (sum usage, err error) {
	for _, s := range all {
		u, err := s.usage()
		if err != nil {
			return sum, err
		}
		sum.cpu += u.cpu
		sum.trips += u.trips
	}
	return sum, nil
}

func (s *process) usage() (u usage, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return u, err
	}
	// The name before, in brackets, may contain anything (proc(5)).
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, f := range fields[11:13] { // utime and stime, in ticks of 10 ms
		ticks, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return u, err
		}
		u.cpu += time.Duration(ticks) * 10 * time.Millisecond
	}
	if !s.program.metrics {
		return u, nil
	}
	c := newConn(context.Background(), endpoint{addr: s.addr, host: s.addr})
	c.deadline = time.Now().Add(10 * time.Second)
	defer c.close()
	var text bytes.Buffer
	if _, err := c.expect(200, c.endpoint.request("GET", "/metrics", "", 0), body{}, &text); err != nil {
		return u, err
	}
	for line := range strings.Lines(text.String()) {
		if value, ok := strings.CutPrefix(line, "twinport_database_round_trips_total "); ok {
			u.trips, err = strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return u, err
}

// spent are the figures of what n operations have cost the process.
func (s *process) spent(before usage, name string, n int) ([]figure, error) {
	after, err := s.usage()
	if err != nil {
		return nil, err
	}
	figures := []figure{{name + "CPU of the server", "ms each", (after.cpu - before.cpu).Seconds() * 1000 / float64(n)}}
	if after.trips > 0 {
		figures = append(figures, figure{name + "database round trips", "each", (after.trips - before.trips) / float64(n)})
	}
	return figures, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
