package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/twinport/twinport/internal/server"
)

// dockerClient is the docker command with an engine that reaches the server.
type dockerClient struct {
	version string
	folder  string   // for its login and the archives to load: the user's own is not touched
	host    string   // the engine's address, "" for docker's default
	images  []string // ids of what the demo has put into the engine
}

// dockerProbe bounds the wait for an engine's first answer.
const dockerProbe = 10 * time.Second

// connectDocker returns a client if an engine answers and reaches the server
// by its address; an engine in a virtual machine may not. The error says why not.
func connectDocker(ctx context.Context, folder string, t *tenant) (*dockerClient, error) {
	if _, err := exec.LookPath("docker"); err != nil {
		return nil, errors.New("there is no docker command here")
	}
	ctx, cancel := context.WithTimeout(ctx, dockerProbe)
	defer cancel()
	d := &dockerClient{folder: folder}
	var err error
	// With the user's own settings, which may lead to an engine elsewhere.
	if d.version, err = run(exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Version}}"),
		""); err != nil {
		return nil, errors.New("no Docker engine answers")
	}
	if os.Getenv("DOCKER_HOST") == "" {
		if d.host, err = run(exec.CommandContext(ctx, "docker", "context", "inspect", "--format",
			"{{.Endpoints.docker.Host}}"), ""); err != nil {
			return nil, errors.New("the Docker engine's address is not known")
		}
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("no folder for docker: %w", err)
	}
	if err := d.login(ctx, t); err != nil {
		return nil, fmt.Errorf("the Docker engine does not reach %s", t.host)
	}
	return d, nil
}

// run returns what the command prints; the error has the end of what it
// complained about.
func run(command *exec.Cmd, stdin string) (string, error) {
	var stderr bytes.Buffer
	command.Stdin, command.Stderr = strings.NewReader(stdin), &stderr
	out, err := command.Output()
	if err != nil {
		complaint := strings.TrimSpace(stderr.String())
		return "", fmt.Errorf("%s: %w: %s", strings.Join(command.Args[:min(2, len(command.Args))], " "), err,
			complaint[max(0, len(complaint)-500):])
	}
	return strings.TrimSpace(string(out)), nil
}

func (d *dockerClient) docker(ctx context.Context, stdin string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "docker", args...)
	command.Env = append(os.Environ(), "DOCKER_CONFIG="+d.folder)
	if d.host != "" {
		command.Env = append(command.Env, "DOCKER_HOST="+d.host)
	}
	return run(command, stdin)
}

func (d *dockerClient) login(ctx context.Context, t *tenant) error {
	password, err := t.login(ctx)
	if err != nil {
		return err
	}
	_, err = d.docker(ctx, password, "login", "--username", "AWS", "--password-stdin", t.host)
	return err
}

// push loads the image into the engine and has that push it. The digest is
// the one under which the engine has pushed it: it makes a manifest of its own.
func (d *dockerClient) push(ctx context.Context, t *tenant,
	image *demoImage) (digest string, answered time.Time, err error) {
	tag, err := name.NewTag(t.reference())
	if err != nil {
		return "", time.Time{}, fmt.Errorf("name the image: %w", err)
	}
	archive := filepath.Join(d.folder, "image.tar")
	if err := tarball.WriteToFile(archive, tag, image.child); err != nil {
		return "", time.Time{}, fmt.Errorf("write the image for docker load: %w", err)
	}
	if err := d.login(ctx, t); err != nil {
		return "", time.Time{}, err
	}
	if _, err := d.docker(ctx, "", "load", "--input", archive); err != nil {
		return "", time.Time{}, err
	}
	if err := d.remember(ctx, t); err != nil {
		return "", time.Time{}, err
	}
	if _, err := d.docker(ctx, "", "push", t.reference()); err != nil {
		return "", time.Time{}, err
	}
	answered = time.Now()
	digest, err = t.digest(ctx)
	return digest, answered, err
}

// remember notes the image that the demo's tag names in the engine.
func (d *dockerClient) remember(ctx context.Context, t *tenant) error {
	id, err := d.docker(ctx, "", "image", "inspect", "--format", "{{.Id}}", t.reference())
	if err == nil {
		d.images = append(d.images, id)
	}
	return err
}

func (d *dockerClient) pull(ctx context.Context, t *tenant, image *demoImage, digest string) ([]string, error) {
	// The engine must not have the layers already from the push.
	d.removeImages(ctx)
	if err := d.login(ctx, t); err != nil {
		return nil, err
	}
	if _, err := d.docker(ctx, "", "pull", t.reference()); err != nil {
		return nil, err
	}
	if err := d.remember(ctx, t); err != nil {
		return nil, err
	}
	got, err := d.docker(ctx, "", "image", "inspect", "--format", `{{index .Config.Labels "`+releaseLabel+
		`"}} {{join .RepoDigests " "}}`, t.reference())
	if err != nil {
		return nil, err
	}
	release, digests, _ := strings.Cut(got, " ")
	if !strings.Contains(digests+" ", t.repository()+"@"+digest+" ") {
		return nil, fmt.Errorf("docker pulled %s, want %s@%s", digests, t.repository(), digest)
	}
	if release != strconv.Itoa(image.release) {
		return nil, fmt.Errorf("docker pulled release %q, want %d", release, image.release)
	}
	found := []string{"the digest is what prod pushed: " + digest}
	if image.binary.warning != "" {
		return found, nil
	}
	printed, err := d.docker(ctx, "", "run", "--rm", "--network", "none", t.reference())
	if err != nil {
		return nil, err
	}
	if want := "twinport " + server.Version(); !strings.HasPrefix(printed, want) {
		return nil, fmt.Errorf("the image printed %q when it ran, want %q", printed, want)
	}
	return append(found, "docker run printed: "+printed), nil
}

func (d *dockerClient) close() {
	ctx, cancel := context.WithTimeout(context.Background(), dockerProbe)
	defer cancel()
	d.removeImages(ctx)
}

// removeImages removes the demo's images from the engine. What cannot be
// removed is an unused image; the demo does not fail for it.
func (d *dockerClient) removeImages(ctx context.Context) {
	for _, id := range d.images {
		_, _ = d.docker(ctx, "", "image", "rm", "--force", id)
	}
	d.images = nil
}
