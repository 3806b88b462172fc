package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/source"
	"github.com/twinport/twinport/internal/stores"
	"github.com/twinport/twinport/internal/verify"
)

type verifyCommand struct {
	Config        string `placeholder:"FILE" help:"The server's configuration. Default: twinport.yaml, if it is there."`
	Full          bool   `help:"Read every blob and check its digest, and the form of the embedded database, instead of sizes only."`
	Readers       int    `default:"4" help:"How many blobs to read at a time with --full."`
	JSON          bool   `name:"json" help:"Write one JSON object per line: each finding, and at the end the summary."`
	Repair        bool   `help:"Repair what can be repaired. Blobs with wrong bytes are taken out of use: pulls answer that they are unknown, and the next push of the layer stores it anew."`
	From          string `placeholder:"URL" help:"With --repair: a registry that has the same images, such as another Twinport, to fetch from what is damaged. {account} and {region} in its path stand for those of the repository."`
	Username      string `placeholder:"NAME" help:"For --from. Default: what docker login has stored."`
	PasswordStdin bool   `help:"Read the password for --username from the standard input."`
	Discard       bool   `help:"With --repair: no longer keep the wrong bytes of blobs that are whole again."`
}

// Help is shown by --help.
func (verifyCommand) Help() string {
	return `It runs beside the servers. With --repair it does so on PostgreSQL and S3; on the embedded stores no server may run meanwhile.

Exit status: 0 if all is whole (or repaired), 1 if damage was found (and is left), 2 if it could not be verified.`
}

// exitUnverified says that verify could not do its work.
const exitUnverified = 2

func (c verifyCommand) Run(ctx context.Context, out output) error {
	summary, err := c.run(ctx, out)
	switch {
	case summary.Left > 0:
		return &exitStatus{exitFailed, err}
	case err != nil:
		return &exitStatus{exitUnverified, err}
	}
	return nil
}

func (c verifyCommand) run(ctx context.Context, out output) (summary verify.Summary, err error) {
	if !c.Repair && (c.From != "" || c.Discard) {
		return summary, errors.New("--from and --discard need --repair")
	}
	from, err := c.source()
	if err != nil {
		return summary, err
	}
	cfg, err := loadConfig(c.Config)
	if err != nil {
		return summary, err
	}
	open := stores.OpenReadOnly
	if c.Repair {
		open = stores.Open
	}
	meta, blobs, err := open(ctx, cfg)
	if errors.Is(err, metadata.ErrInUse) {
		return summary, fmt.Errorf("a server runs on %s, and the repair would change what it keeps in memory: stop it "+
			"first, or verify without --repair, which runs beside it (%w)", cfg.Data, err)
	}
	if err != nil {
		return summary, err
	}
	defer meta.Close()
	defer blobs.Close()
	m := newMeter(out.stderr)
	encoder := json.NewEncoder(out.stdout)
	v := verify.Config{
		Metadata: meta, Blobs: blobs, Full: c.Full, Readers: c.Readers, Pause: pauseBeforeMissing,
		Progress: m.update,
		Report: func(f verify.Finding) {
			m.clear()
			if c.JSON {
				_ = encoder.Encode(f)
			} else {
				printFinding(out.stdout, f)
			}
		},
	}
	if c.Repair {
		log := slog.New(slog.NewTextHandler(out.stderr, nil))
		v.Repair = &verify.Repair{
			Registry: registry.ForRepairs(meta, blobs, log), Metadata: meta, Source: from, Discard: c.Discard,
		}
	}
	summary, err = verify.Run(ctx, v)
	m.clear()
	if c.JSON {
		_ = encoder.Encode(struct {
			verify.Summary
			Complete bool `json:"complete"`
		}{summary, err == nil})
	} else {
		c.printSummary(out.stdout, cfg, summary, err == nil)
	}
	return summary, err
}

// pauseBeforeMissing is how long a repository that is being deleted may take
// between two batches before what its manifests lack counts as damage.
const pauseBeforeMissing = time.Second

func (c verifyCommand) source() (source.Source, error) {
	if c.From == "" {
		if c.Username != "" || c.PasswordStdin {
			return nil, errors.New("--username and --password-stdin need --from")
		}
		return nil, nil
	}
	if c.PasswordStdin != (c.Username != "") {
		return nil, errors.New("--username and --password-stdin belong together")
	}
	var logins authn.Keychain = authn.DefaultKeychain
	if c.Username != "" {
		password, err := bufio.NewReader(io.LimitReader(os.Stdin, 64<<10)).ReadString('\n')
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("read the password: %w", err)
		}
		u, err := url.Parse(c.From)
		if err != nil {
			return nil, errors.New("--from: it is no URL")
		}
		logins = login{u.Host, authn.Basic{Username: c.Username, Password: strings.TrimRight(password, "\r\n")}}
	}
	from, err := source.OpenRemote(c.From, logins, registry.MaxManifestSize)
	if err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	return from, nil
}

// login is for one host.
type login struct {
	host  string
	basic authn.Basic
}

// Resolve implements authn.Keychain.
func (l login) Resolve(of authn.Resource) (authn.Authenticator, error) {
	if of.RegistryStr() != l.host {
		return authn.Anonymous, nil
	}
	return &l.basic, nil
}

func printFinding(w io.Writer, f verify.Finding) {
	line := "damaged " + string(f.Kind)
	if f.Kind == verify.Missing || f.Kind == verify.Quarantined {
		line = string(f.Kind)
	}
	for _, of := range []string{f.Digest, f.Tag} {
		if of != "" {
			line += " " + of
		}
	}
	if f.Repository != "" {
		line += " in " + f.Repository
	}
	line += ": " + f.Problem
	if f.Object != "" {
		line += " (object " + f.Object + ")"
	}
	fmt.Fprintln(w, line)
	if f.Action != "" {
		fmt.Fprintf(w, "  -> %s\n", f.Action)
	}
}

func (c verifyCommand) printSummary(w io.Writer, cfg config.Config, s verify.Summary, complete bool) {
	how := "sizes"
	if c.Full {
		how = "digests, " + size(s.BytesRead) + " read"
	}
	fmt.Fprintf(w, "Verified %d blobs (%s), %d links, %d manifests, %d tags.\n", s.Blobs, how, s.Links, s.Manifests,
		s.Tags)
	fmt.Fprintf(w, "Under way: %d uploads. For the next sweep: %d objects (%s) that are garbage, %d (%s) that "+
		"nothing names.\n",
		s.Uploads, s.Garbage, size(s.GarbageBytes), s.Orphans, size(s.OrphanBytes))
	if s.Kept > 0 {
		fmt.Fprintf(w, "Kept for inspection: %d objects of damaged blobs.\n", s.Kept)
	}
	switch {
	case s.Left > 0:
		fmt.Fprintf(w, "Damage: %d findings are left.\n", s.Left)
		if !c.Repair {
			fmt.Fprintln(w, "twinport verify --repair repairs what it can; --from fetches from another registry.")
		}
	case !complete:
		fmt.Fprintln(w, "It was not verified to the end.")
	case s.Damaged > 0:
		fmt.Fprintf(w, "All %d findings are repaired.\n", s.Damaged)
	default:
		fmt.Fprintln(w, "No damage.")
	}
}
