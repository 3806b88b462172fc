// Command image builds Twinport's container image from nothing, without a
// container engine: an OCI layout with an index of all platforms, and for each
// platform a bill of materials, as a file and as a referrer of its image. The
// same commit, built by the same Go, gives the same digests.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func main() {
	out := flag.String("out", "dist", "the `folder` for the layout (oci/) and the bills of materials")
	platforms := flag.String("platforms", "linux/amd64,linux/arm64", "`list` of os/architecture")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*out, strings.Split(*platforms, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// source is what the image is made of, as its labels say.
type source struct {
	created  time.Time
	revision string // of git; empty without
}

func run(out string, platforms []string) error {
	from, err := readSource()
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "twinport-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	var built []platformImage
	for _, name := range platforms {
		platform, err := v1.ParsePlatform(name)
		if err != nil {
			return fmt.Errorf("read the platform %q: %w; name it as os/architecture", name, err)
		}
		binary := filepath.Join(work, strings.ReplaceAll(name, "/", "-"))
		if err := compile(binary, platform); err != nil {
			return err
		}
		image, err := newPlatformImage(binary, platform, from)
		if err != nil {
			return fmt.Errorf("make the image for %s: %w", name, err)
		}
		built = append(built, image)
	}
	layoutPath := filepath.Join(out, "oci")
	if err := clear(layoutPath); err != nil {
		return err
	}
	tag, digest, err := writeLayout(layoutPath, built, from)
	if err != nil {
		return fmt.Errorf("write the layout %s: %w", layoutPath, err)
	}
	for _, image := range built {
		path := filepath.Join(out, "twinport-"+image.platform.OS+"-"+image.platform.Architecture+".cdx.json")
		if err := os.WriteFile(path, image.bill, 0o644); err != nil {
			return fmt.Errorf("write the bill of materials: %w", err)
		}
	}
	fmt.Printf("oci:%s:%s@%s\n", layoutPath, tag, digest)
	return nil
}

// readSource takes the time from SOURCE_DATE_EPOCH (in seconds), else from the
// commit.
func readSource() (source, error) {
	var from source
	revision, gitErr := git("rev-parse", "HEAD")
	if gitErr == nil {
		from.revision = revision
	}
	seconds := os.Getenv("SOURCE_DATE_EPOCH")
	if seconds == "" {
		if gitErr == nil {
			seconds, gitErr = git("log", "-1", "--format=%ct")
		}
		if gitErr != nil {
			return from, fmt.Errorf("find the time of the commit: %w; without git, set SOURCE_DATE_EPOCH to a Unix time", gitErr)
		}
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || unix < 0 {
		return from, fmt.Errorf("SOURCE_DATE_EPOCH is %q; set it to a Unix time, in seconds", seconds)
	}
	from.created = time.Unix(unix, 0).UTC()
	return from, nil
}

func git(args ...string) (string, error) {
	out, err := exec.Command("git", args...).Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// compile builds the static binary. Nothing of the caller's environment may
// change it, nor the paths of this machine.
func compile(path string, platform *v1.Platform) error {
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=auto", "-ldflags=-s -w -buildid=", "-o", path,
		"./cmd/twinport")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+platform.OS, "GOARCH="+platform.Architecture,
		"GOFLAGS=", "GOEXPERIMENT=", "GOFIPS140=off", "GOAMD64=v1", "GOARM64=v8.0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build twinport for %s: %w\n%s", platform, err, out)
	}
	return nil
}

// clear removes the layout of an earlier build, and nothing else.
func clear(path string) error {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if _, err := os.Stat(filepath.Join(path, "oci-layout")); err != nil {
		return fmt.Errorf("%s is there and is not an image layout; choose another folder with -out", path)
	}
	return os.RemoveAll(path)
}
