package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

type demoCommand struct {
	Regions int  `default:"1" enum:"1,2" help:"With 2, prod and dev have a deployment each, in Regions of their own, with a line of 50 ms between them. Default: both are in one."`
	Keep    bool `help:"Leave what serves up at the end, until Ctrl-C, and print the commands to go on with."`
}

const (
	demoRepository = "app"
	demoTag        = "latest"
	// demoPatience bounds each wait for what takes milliseconds.
	demoPatience = 30 * time.Second
	// demoBallast is how much the second image adds where there is a line that it
	// has to pass, in bytes.
	demoBallast = 32 << 20
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
	// A signal ends the demo first, and then what serves.
	servers, err := startDemoServers(ctx, dir, c.Regions, out.stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, servers.stop()) }()

	d := newDemo(servers, newScreen(out.stdout))
	if err := d.prepare(ctx, dir); err != nil {
		return demoError(ctx, err)
	}
	defer d.images.close()
	if err := d.play(ctx); err != nil {
		return demoError(ctx, err)
	}
	if c.Keep {
		d.printGoingOn()
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

// demo is the main job on real input: prod pushes, dev pulls.
type demo struct {
	servers   *demoServers
	screen    *screen
	prod, dev *tenant
	images    imageClient
	binary    *binaryLayer
	timeline  timeline
}

func newDemo(s *demoServers, screen *screen) *demo {
	prod, dev := s.written.Accounts[0], s.written.Accounts[1]
	return &demo{
		servers: s, screen: screen,
		prod: newTenant(s.prod.URL(), s.prod.host(), s.prod.region, prod),
		dev:  newTenant(s.dev.URL(), s.dev.Addr(), s.dev.region, dev),
	}
}

// prepare shows what serves, makes the image's content and finds a client to
// push it with.
func (d *demo) prepare(ctx context.Context, dir string) (err error) {
	if err := d.introduce(ctx); err != nil {
		return err
	}
	if d.binary, err = newBinaryLayer(); err != nil {
		return err
	}
	d.screen.step("A real image: this program (%s), FROM scratch", megabytes(d.binary.size))
	if d.binary.warning != "" {
		d.screen.note("%s", d.binary.warning)
	}
	if d.servers.joined() {
		d.images = &builtinClient{}
		d.screen.note("as an OCI index with one child, pushed and pulled with go-containerregistry, layer by layer")
		return nil
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

// introduce shows what serves. Two deployments become peers.
func (d *demo) introduce(ctx context.Context) error {
	if !d.servers.joined() {
		d.screen.step("A server on %s, in a folder that is removed at the end: account prod (%s) and account dev (%s)",
			d.servers.prod.URL(), d.prod.id, d.dev.id)
		return nil
	}
	d.screen.step("Two deployments, in a folder that is removed at the end, each with a database and layers of its own")
	d.screen.note("%s serves account prod (%s) on %s", d.prod.region, d.prod.id, d.servers.prod.URL())
	d.screen.note("%s serves account dev (%s) on %s", d.dev.region, d.dev.id, d.servers.dev.URL())
	d.screen.step("They become peers: twinport peer invite in %s, twinport peer join CODE --accounts %s in %s",
		d.prod.region, d.prod.id, d.dev.region)
	roundTrip, err := d.servers.join(ctx, d.prod.id)
	if err != nil {
		return err
	}
	d.screen.done("the round trip between them is %s: a line takes %s each way", milliseconds(roundTrip),
		milliseconds(lineDelay))
	d.screen.note("whoever pushes to prod is at the end of such a line, too")
	return nil
}

// play goes through the story, and fails at the first thing that is not as it should be.
func (d *demo) play(ctx context.Context) error {
	first, err := d.binary.image(1, 0)
	if err != nil {
		return err
	}
	ballast := 0
	if d.servers.joined() {
		ballast = demoBallast
	}
	second, err := d.binary.image(2, ballast)
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
	secondDigest, pushed, err := d.pushWatched(ctx, second)
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
	if d.servers.joined() {
		d.screen.note("what leaves prod takes %s to who pushes, and as long to dev", milliseconds(lineDelay))
	}
	return nil
}

// pushWatched pushes the image, and notes when its ballast is where.
func (d *demo) pushWatched(ctx context.Context, image *demoImage) (digest string, answered time.Time, err error) {
	if image.ballast == "" {
		return d.images.push(ctx, d.prod, image)
	}
	watched, cancel := context.WithCancel(ctx)
	defer cancel()
	var both errgroup.Group
	var inProd, inDev time.Time
	both.Go(func() (err error) {
		inProd, err = d.prod.awaitLayer(watched, image.ballast)
		return err
	})
	both.Go(func() (err error) {
		inDev, err = d.dev.awaitLayer(watched, image.ballast)
		return err
	})
	digest, answered, err = d.images.push(ctx, d.prod, image)
	if err != nil {
		cancel()
	}
	if watchErr := both.Wait(); err == nil {
		err = watchErr
	}
	d.timeline.add(event{what: "a layer of " + megabytes(demoBallast) + " is in prod", at: inProd})
	d.timeline.add(event{what: "the layer is in dev", at: inDev, cause: answered, since: "the push is answered"})
	return digest, answered, err
}

// printGoingOn says what to do with what stays up.
func (d *demo) printGoingOn() {
	written := d.servers.written
	d.screen.step("All this stays up until Ctrl-C. Go on in another terminal:")
	d.screen.text(fmt.Sprintf(`export AWS_CONFIG_FILE=%s AWS_SHARED_CREDENTIALS_FILE=%s

aws --profile prod ecr describe-image-replication-status --repository-name %[3]s --image-id imageTag=%[4]s
aws --profile dev%[7]s ecr describe-images --repository-name %[3]s
aws --profile dev%[7]s ecr get-registry-policy

aws --profile dev%[7]s ecr get-login-password | docker login --username AWS --password-stdin %[5]s
docker pull %[6]s

aws --profile dev%[7]s ecr get-login-password | crane auth login --username AWS --password-stdin %[5]s
crane manifest %[6]s`,
		shellQuoted(written.AWSConfig), shellQuoted(written.AWSCredentials), demoRepository, demoTag, d.dev.host,
		d.dev.reference(), d.devFlags()))
	if d.servers.joined() {
		d.screen.text("\ntwinport peer list --config " + shellQuoted(written.Config))
	}
}

// devFlags lead the aws command to dev's deployment, where that is not the one
// that the profile names.
func (d *demo) devFlags() string {
	if !d.servers.joined() {
		return ""
	}
	return fmt.Sprintf(" --endpoint-url %s --region %s", d.servers.dev.URL(), d.dev.region)
}

func megabytes(size int64) string { return fmt.Sprintf("%.1f MB", float64(size)/1e6) }
