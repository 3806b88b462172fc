package servers

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres returns the URL of a new empty database, which is dropped at the
// end of the test. Its server is the test process's own, or the one that
// TEST_POSTGRES names (the URL of a user who may create databases).
func Postgres(t T) string {
	t.Helper()
	server := os.Getenv("TEST_POSTGRES")
	if server == "" {
		own, err := sharedPostgres()
		check(t, err)
		server = own.URL("postgres")
	}
	return newDatabase(t, server, "template0")
}

// Template is what databases of tests are copies of, which takes a fraction of
// filling each.
type Template struct {
	// Fill fills an empty database, once for all copies in a process.
	Fill func(url string) error

	once sync.Once
	name string
	err  error
}

// Postgres is Postgres with what the template has.
func (c *Template) Postgres(t T) string {
	t.Helper()
	if os.Getenv("TEST_POSTGRES") != "" { // a template would stay behind there
		database := Postgres(t)
		check(t, c.Fill(database))
		return database
	}
	own, err := sharedPostgres()
	check(t, err)
	c.once.Do(func() {
		if c.name, c.err = createDatabase(own.URL("postgres"), "template0"); c.err == nil {
			c.err = c.Fill(own.URL(c.name))
		}
	})
	check(t, c.err)
	return newDatabase(t, own.URL("postgres"), c.name)
}

// newDatabase creates a copy of a database, which is dropped at the end of the test.
func newDatabase(t T, server, template string) string {
	t.Helper()
	name, err := createDatabase(server, template)
	check(t, err)
	t.Cleanup(func() {
		if err := execute(server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return withDatabase(server, name)
}

// sharedPostgres has room for several tests at a time with several processes each.
// No test kills it, and it goes with the tests, so it need not wait for the disk.
var sharedPostgres = sync.OnceValues(func() (*PostgresServer, error) {
	return newPostgres("max_connections=600", "fsync=off")
})

// PostgresServer is a server that a test may stop, kill and start again. Its
// methods belong to the test's goroutine.
type PostgresServer struct {
	t        T
	home     *home
	program  string
	port     string
	password string
	settings []string
	process  *process
}

// StartPostgres starts a PostgreSQL server of the test's own, with settings
// such as "max_connections=5" added to the defaults.
func StartPostgres(t T, settings ...string) *PostgresServer {
	t.Helper()
	s, err := newPostgres(settings...)
	check(t, err)
	s.t = t
	t.Cleanup(s.home.close)
	return s
}

func newPostgres(settings ...string) (*PostgresServer, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	owner, err := unprivileged()
	if err != nil {
		return nil, err
	}
	home, err := newHome("postgres", owner)
	if err != nil {
		return nil, err
	}
	s := &PostgresServer{home: home, program: filepath.Join(bin, "postgres"), password: rand.Text(), settings: settings}
	err = s.initialize(filepath.Join(bin, "initdb"))
	if err == nil {
		err = onFreePort(func(port string) error {
			s.port = port
			return s.start()
		})
	}
	if err != nil {
		home.close()
		return nil, err
	}
	return s, nil
}

// initialize makes the server's data. Text sorts by a language's rules, as it
// does on most servers in production, so that a query that counts on the order
// of bytes without saying so is found out.
func (s *PostgresServer) initialize(initdb string) error {
	version, err := exec.Command(s.program, "--version").Output()
	if err != nil {
		return fmt.Errorf("%s --version: %w", s.program, err)
	}
	password := filepath.Join(s.home.dir, "password")
	if err := os.WriteFile(password, []byte(s.password), 0o600); err != nil {
		return err
	}
	if s.home.user != nil {
		if err := os.Chown(password, int(s.home.user.Uid), int(s.home.user.Gid)); err != nil {
			return err
		}
	}
	// --no-sync spares only the wait for the disk to have the fresh data.
	args := []string{"--pgdata=" + s.data(), "--username=postgres", "--pwfile=" + password,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"}
	if m := regexp.MustCompile(`\) (\d+)`).FindSubmatch(version); m != nil {
		if major, _ := strconv.Atoi(string(m[1])); major >= 15 {
			args = append(args, "--locale-provider=icu", "--icu-locale=en-US")
		}
	}
	p, err := s.home.start(nil, initdb, args...)
	if err != nil {
		return err
	}
	<-p.done
	if !p.cmd.ProcessState.Success() {
		return s.home.failed(p, p.cmd.ProcessState.String())
	}
	return nil
}

func (s *PostgresServer) data() string { return filepath.Join(s.home.dir, "data") }

// start runs the server on its port, with PostgreSQL's own settings: a commit
// waits for the disk.
func (s *PostgresServer) start() error {
	args := []string{"-D", s.data(), "-p", s.port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	p, err := s.home.start(nil, s.program, args...)
	if err != nil {
		return err
	}
	s.process = p
	return s.home.ready(p, func() bool {
		// The lock file starts with the server's process, and its eighth line
		// is the state.
		lock, _ := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
		lines := strings.Split(string(lock), "\n")
		return len(lines) > 7 && lines[0] == strconv.Itoa(p.cmd.Process.Pid) && strings.TrimSpace(lines[7]) == "ready"
	})
}

// Start starts a server that was stopped or killed, on the same port.
func (s *PostgresServer) Start() {
	s.t.Helper()
	check(s.t, s.start())
}

// Mode is a way to stop PostgreSQL.
type Mode syscall.Signal

const (
	Smart     = Mode(syscall.SIGTERM) // waits until the clients have gone
	Fast      = Mode(syscall.SIGINT)  // rolls back what runs, and disconnects the clients
	Immediate = Mode(syscall.SIGQUIT) // aborts; the next start recovers
)

// Stop stops the server and waits for its end.
func (s *PostgresServer) Stop(mode Mode) {
	s.t.Helper()
	check(s.t, s.home.stop(s.process, syscall.Signal(mode)))
}

// Restart stops the server and starts it again.
func (s *PostgresServer) Restart(mode Mode) {
	s.t.Helper()
	s.Stop(mode)
	s.Start()
}

// Kill ends all processes of the server at once, as a failure of its machine
// would, except that what it wrote and did not sync is not lost.
func (s *PostgresServer) Kill() {
	s.t.Helper()
	postmaster := s.process.cmd.Process
	postmaster.Signal(syscall.SIGSTOP) // it starts no more children
	children := childrenOf(postmaster.Pid)
	for _, pid := range children {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	check(s.t, s.home.stop(s.process, syscall.SIGKILL))
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		running := 0
		for _, pid := range children {
			if state, _ := processState(pid); state != "" && state != "Z" {
				running++
			}
		}
		if running == 0 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal(running, "processes of PostgreSQL survive SIGKILL")
		}
	}
}

// Ended reports whether the server has ended without being asked, as for want
// of room.
func (s *PostgresServer) Ended() bool {
	select {
	case <-s.process.done:
		return true
	default:
		return false
	}
}

// URL returns the URL of a database of the server, which may not exist yet.
func (s *PostgresServer) URL(database string) string {
	return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%s/%s?sslmode=disable", s.password, s.port, database)
}

// Database creates an empty database and returns its URL.
func (s *PostgresServer) Database() string {
	s.t.Helper()
	name, err := createDatabase(s.URL("postgres"), "template0")
	check(s.t, err)
	return s.URL(name)
}

// createDatabase makes a copy of a database under a new name. Connections to the
// template that have just been closed, which are in the way, the server waits for.
func createDatabase(server, template string) (string, error) {
	name := "twinport_test_" + strings.ToLower(rand.Text())
	return name, execute(server, "CREATE DATABASE "+name+" TEMPLATE "+template)
}

func execute(server, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	if _, err := db.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server // pgx has connected to it
	}
	u.Path = "/" + name
	return u.String()
}

// postgresPrograms finds the folder of the server's programs: that of PATH, or
// the newest of those where Debian puts them.
func postgresPrograms() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "initdb")); err == nil {
			return filepath.Dir(path), nil
		}
	}
	newest, bin := 0.0, ""
	programs, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	for _, program := range programs {
		dir := filepath.Dir(program)
		if version, err := strconv.ParseFloat(filepath.Base(filepath.Dir(dir)), 64); err == nil && version > newest {
			newest, bin = version, dir
		}
	}
	if bin == "" {
		return "", fmt.Errorf("no PostgreSQL server in PATH or /usr/lib/postgresql: %w", errMissing)
	}
	return bin, nil
}

// unprivileged returns the user to run PostgreSQL as when this process is
// root, as whom it refuses to run; else nil.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("find a user to run PostgreSQL as: %w", err)
		}
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(uidErr, gidErr)
}

// childrenOf returns the processes that the process has started and that run.
func childrenOf(parent int) []int {
	var children []int
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		pid, _ := strconv.Atoi(filepath.Base(folder))
		if _, of := processState(pid); of == parent {
			children = append(children, pid)
		}
	}
	return children
}

// processState returns a process's state letter and parent; "" for no process.
func processState(pid int) (state string, parent int) {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	// The name before, in brackets, may contain anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return "", 0
	}
	parent, _ = strconv.Atoi(string(fields[1]))
	return string(fields[0]), parent
}
