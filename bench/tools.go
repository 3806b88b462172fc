package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The tools that copy images, as columns of the report.
const (
	craneMany = "crane -j 32"
	craneFew  = "crane"
	skopeo    = "skopeo"
	regsync   = "regsync"
	bestTool  = "best tool" // of those above, figure by figure
)

var toolColumns = []string{craneMany, craneFew, skopeo, regsync}

// slowTools are compared over fast lines only: elsewhere they would take long to say nothing new.
var slowTools = []string{craneFew, skopeo, regsync}

// toolTime is how long a tool may take: what has arrived by then counts.
const toolTime = 40 * time.Second

// tool copies all images of a repository.
type tool struct {
	column string
	path   string
	// args are its arguments; it may write files to dir.
	args func(j toolJob) ([]string, error)
}

// toolJob is what a tool is to copy.
type toolJob struct {
	dir, source, destination, repository string            // the hosts, and the repository at both
	logins                               map[string]string // by host: user:password in base64
}

// auths is the file in which docker keeps logins, in dir.
func (j toolJob) auths() string { return filepath.Join(j.dir, "config.json") }

// findTools returns those of the columns that are here: of this tree, or by PATH.
func findTools(columns []string, stderr io.Writer) (tools []tool) {
	for _, t := range []tool{
		{craneMany, "crane", craneArgs("-j", "32")},
		{craneFew, "crane", craneArgs()},
		{skopeo, "skopeo", skopeoArgs},
		{regsync, "regsync", regsyncArgs},
	} {
		if !slices.Contains(columns, t.column) {
			continue
		}
		var err error
		if t.path, err = findTool(t.path); err != nil {
			fmt.Fprintf(stderr, "bench: %s is left out: %v\n", t.column, err)
			continue
		}
		tools = append(tools, t)
	}
	return tools
}

// findTool finds a program that make tools has installed, else one in PATH.
func findTool(name string) (string, error) {
	for _, root := range []string{".", ".."} {
		found, _ := filepath.Glob(filepath.Join(root, ".cache", "tools", name+"@*", name))
		if len(found) > 0 {
			return filepath.Abs(found[0])
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		err = fmt.Errorf("%w; make tools installs it", err)
	}
	return path, err
}

func craneArgs(flags ...string) func(toolJob) ([]string, error) {
	return func(j toolJob) ([]string, error) {
		return append([]string{
			"copy", "--insecure", "-a", j.source + "/" + j.repository, j.destination + "/" + j.repository,
		}, flags...), nil
	}
}

func skopeoArgs(j toolJob) ([]string, error) {
	return []string{
		"sync", "--preserve-digests", "--src", "docker", "--dest", "docker", "--src-tls-verify=false",
		"--dest-tls-verify=false", "--authfile", j.auths(), j.source + "/" + j.repository,
		j.destination + "/" + filepath.Dir(j.repository), // it adds the last part of the name
	}, nil
}

func regsyncArgs(j toolJob) ([]string, error) {
	file := filepath.Join(j.dir, "regsync.yml")
	return []string{"once", "-c", file}, os.WriteFile(file, fmt.Appendf(nil, `version: 1
creds:
  - {registry: %q, tls: disabled}
  - {registry: %q, tls: disabled}
defaults:
  parallel: 8
sync:
  - {source: %q, target: %q, type: repository}
`, j.source, j.destination, j.source+"/"+j.repository, j.destination+"/"+j.repository), 0o600)
}

// measureTool copies images by a tool, which runs beside the source, as the
// replication does. A tool that fails is left out.
func measureTool(ctx context.Context, b *bench, t tool, twin program, l line, w work,
	stderr io.Writer) (figures []figure, err error) {
	images := w.content(b.content)
	err = withPair(ctx, b, twin, l, false, func(ctx context.Context, p *pair) error {
		source, err := p.source(ctx, repository)
		if err != nil {
			return err
		}
		if _, err := each(ctx, source, imageConnections, images, pushImage); err != nil {
			return err
		}
		if err := prod.create(ctx, otherRegion, p.far.addr, repository); err != nil {
			return err
		}
		destination, err := p.destination(ctx, repository)
		if err != nil {
			return err
		}
		job := toolJob{dir: p.near.dir, source: p.near.addr, destination: p.toFar.addr(), repository: repository,
			logins: map[string]string{
				p.near.addr:    strings.TrimPrefix(source.auth, "Basic "),
				p.toFar.addr(): strings.TrimPrefix(destination.auth, "Basic "),
			}}
		settle()
		began := time.Now()
		if err := t.copy(ctx, job); err != nil {
			fmt.Fprintf(stderr, "bench: %s is left out over %s: %v\n", t.column, l, err)
			return nil
		}
		took := time.Since(began)
		arrived, err := tagsOf(ctx, destination)
		if err == nil {
			figures = []figure{w.figure(l, images[:min(arrived, len(images))], took)}
		}
		return err
	})
	return figures, err
}

// copy runs the tool, for toolTime at most.
func (t tool) copy(ctx context.Context, j toolJob) error {
	type login struct {
		Auth string `json:"auth"`
	}
	logins := map[string]login{}
	for host, auth := range j.logins {
		logins[host] = login{auth}
	}
	text, err := json.Marshal(map[string]any{"auths": logins})
	if err != nil {
		return err
	}
	if err := os.WriteFile(j.auths(), text, 0o600); err != nil {
		return err
	}
	args, err := t.args(j)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, toolTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.path, args...)
	var out bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), "DOCKER_CONFIG="+j.dir), &out, &out
	err = cmd.Run()
	if err != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w: %s", t.path, err, out.Bytes()[max(0, out.Len()-1000):])
	}
	return nil
}

// tagsOf counts the tags of a repository.
func tagsOf(ctx context.Context, e endpoint) (int, error) {
	c := newConn(ctx, e)
	defer c.close()
	var text bytes.Buffer
	if _, err := c.expect(200, e.request("GET", e.path("tags/list?n=10000"), "", 0), body{}, &text); err != nil {
		return 0, err
	}
	var list struct{ Tags []string }
	err := json.Unmarshal(text.Bytes(), &list)
	return len(list.Tags), err
}
