package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/server"
)

type demoCommand struct {
	Keep bool `help:"Leave the server up at the end, until Ctrl-C, and print the commands to go on with."`
}

const (
	demoRepository = "app"
	demoTag        = "latest"
	// demoPatience bounds each wait for what takes milliseconds.
	demoPatience = 30 * time.Second
)

func (c demoCommand) Run(ctx context.Context, out output) (err error) {
	dir, err := os.MkdirTemp("", "twinport-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer func() {
		if removeErr := os.RemoveAll(dir); removeErr != nil {
			err = errors.Join(err, fmt.Errorf("remove the demo's folder: %w", removeErr))
		}
	}()
	s, written, err := startDemoServer(ctx, dir, out.stderr)
	if err != nil {
		return err
	}
	// A signal ends the demo first, and then the server.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	stopped := make(chan error, 1)
	go func() { stopped <- s.Run(serving) }()
	defer func() {
		stop()
		err = errors.Join(err, <-stopped)
	}()

	screen := newScreen(out.stdout)
	screen.step("A server on %s, in a folder that is removed at the end: account prod (%s) and account dev (%s)", s.URL(),
		written.Accounts[0].ID, written.Accounts[1].ID)
	d := newDemo(s, written, screen)
	if err := d.prepare(ctx, dir); err != nil {
		return demoError(ctx, err)
	}
	defer d.images.close()
	if err := d.play(ctx); err != nil {
		return demoError(ctx, err)
	}
	if c.Keep {
		d.printGoingOn(written)
		<-ctx.Done()
	}
	return nil
}

// demoError says that it was the user who ended the demo, if so.
func demoError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("the demo was interrupted")
	}
	return fmt.Errorf("the demo failed: %w", err)
}

// startDemoServer configures a server as twinport init does, on a free port.
func startDemoServer(ctx context.Context, dir string, stderr io.Writer) (*server.Server, config.Written, error) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, config.Written{}, fmt.Errorf("find a free port: %w", err)
	}
	addr := probe.Addr().String()
	if err := probe.Close(); err != nil {
		return nil, config.Written{}, fmt.Errorf("find a free port: %w", err)
	}
	written, err := config.Init(dir, addr)
	if err != nil {
		return nil, config.Written{}, err
	}
	// Without the environment: the demo must not touch the user's own server.
	cfg, err := config.Load(written.Config, nil)
	if err != nil {
		return nil, config.Written{}, err
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	s, err := server.New(ctx, cfg, log)
	return s, written, err
}

// demo is the main job on real input: prod pushes, dev pulls.
type demo struct {
	screen    *screen
	prod, dev *tenant
	images    imageClient
	binary    *binaryLayer
	timeline  timeline
}

func newDemo(s *server.Server, written config.Written, screen *screen) *demo {
	_, host, _ := strings.Cut(s.URL(), "://")
	return &demo{
		screen: screen,
		prod:   newTenant(s.URL(), host, written.Region, written.Accounts[0]),
		dev:    newTenant(s.URL(), host, written.Region, written.Accounts[1]),
	}
}

// prepare makes the image's content and finds a client to push it with.
func (d *demo) prepare(ctx context.Context, dir string) (err error) {
	if d.binary, err = newBinaryLayer(); err != nil {
		return err
	}
	d.screen.step("A real image: this program (%s), FROM scratch", megabytes(d.binary.size))
	if d.binary.warning != "" {
		d.screen.note("%s", d.binary.warning)
	}
	docker, err := connectDocker(ctx, filepath.Join(dir, "docker"), d.prod)
	if err == nil {
		d.images = docker
		d.screen.note("pushed, pulled and run with docker %s", docker.version)
		return nil
	}
	d.images = &builtinClient{}
	d.screen.note("as an OCI index with one child, pushed and pulled with go-containerregistry (%v)", err)
	return nil
}

// play tells the story, and fails at the first thing that is not as it should be.
func (d *demo) play(ctx context.Context) error {
	first, err := d.binary.image(1)
	if err != nil {
		return err
	}
	second, err := d.binary.image(2)
	if err != nil {
		return err
	}

	d.screen.step("prod creates the repository %s, and the rule that replicates its registry to dev", demoRepository)
	if err := d.prod.createRepository(ctx); err != nil {
		return err
	}
	if err := d.prod.replicateTo(ctx, d.dev); err != nil {
		return err
	}

	d.screen.step("prod pushes %s; dev has granted nothing yet", d.prod.reference())
	d.timeline.begin()
	firstDigest, pushed, err := d.images.push(ctx, d.prod, first)
	if err != nil {
		return err
	}
	d.timeline.add(event{what: "prod's first push is answered", at: pushed})
	d.screen.done("pushed %s", firstDigest)
	refusal, err := d.prod.awaitStatus(ctx, d.dev, "FAILED")
	if err != nil {
		return err
	}
	d.timeline.add(event{what: "dev's refusal is known", at: time.Now(), cause: pushed, since: "the push"})
	d.screen.refused("the replication is %s: %s", refusal.Status, refusal.FailureCode)
	d.screen.text(refusal.FailureReason)

	statement, err := missingStatement(refusal.FailureReason)
	if err != nil {
		return err
	}
	d.screen.step("dev puts exactly that statement into its registry policy (ecr:PutRegistryPolicy)")
	if err := d.dev.putRegistryPolicy(ctx, statement); err != nil {
		return err
	}
	granted := time.Now()
	d.timeline.add(event{what: "dev's grant is set", at: granted})
	if err := d.dev.awaitImage(ctx, firstDigest); err != nil {
		return err
	}
	d.timeline.add(event{what: "dev has the image that was refused", at: time.Now(), cause: granted, since: "the grant"})
	if _, err := d.prod.awaitStatus(ctx, d.dev, "COMPLETE"); err != nil {
		return err
	}
	d.screen.done("the refused replication completed by itself: dev has %s", firstDigest)

	d.screen.step("prod pushes %s again, with other content", demoTag)
	secondDigest, pushed, err := d.images.push(ctx, d.prod, second)
	if err != nil {
		return err
	}
	if secondDigest == firstDigest {
		return fmt.Errorf("both pushes have the digest %s, though their content differs", firstDigest)
	}
	d.timeline.add(event{what: "prod's second push is answered", at: pushed})
	d.screen.done("pushed %s", secondDigest)
	if err := d.dev.awaitImage(ctx, secondDigest); err != nil {
		return err
	}
	replicated := time.Now()
	d.timeline.add(event{what: "dev's " + demoTag + " is the new image", at: replicated, cause: pushed, since: "the push"})
	d.screen.done("dev has it")

	d.screen.step("dev pulls %s", d.dev.reference())
	found, err := d.images.pull(ctx, d.dev, second, secondDigest)
	if err != nil {
		return err
	}
	d.timeline.add(event{what: "dev has pulled and checked it", at: time.Now(), cause: replicated, since: "its arrival"})
	for _, fact := range found {
		d.screen.done("%s", fact)
	}
	d.timeline.print(d.screen)
	return nil
}

// printGoingOn says what to do with a server that stays up.
func (d *demo) printGoingOn(written config.Written) {
	d.screen.step("The server stays up until Ctrl-C. Go on in another terminal:")
	d.screen.text(fmt.Sprintf(`export AWS_CONFIG_FILE=%s AWS_SHARED_CREDENTIALS_FILE=%s

aws --profile prod ecr describe-image-replication-status --repository-name %[3]s --image-id imageTag=%[4]s
aws --profile dev ecr describe-images --repository-name %[3]s
aws --profile dev ecr get-registry-policy

aws --profile dev ecr get-login-password | docker login --username AWS --password-stdin %[5]s
docker pull %[6]s

aws --profile dev ecr get-login-password | crane auth login --username AWS --password-stdin %[5]s
crane manifest %[6]s`,
		shellQuoted(written.AWSConfig), shellQuoted(written.AWSCredentials), demoRepository, demoTag, d.dev.host,
		d.dev.reference()))
}

func megabytes(size int64) string { return fmt.Sprintf("%.1f MB", float64(size)/1e6) }
