package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/control"
	"github.com/twinport/twinport/internal/migrate"
	"github.com/twinport/twinport/internal/server"
)

type migrateCommand struct {
	Config string `placeholder:"FILE" default:"twinport.yaml" help:"The configuration of the deployment as it is. Default: twinport.yaml."`
	To     string `placeholder:"FILE" help:"The new configuration: the same Regions and accounts, with database and blobs."`
	Full   bool   `help:"Read every object back from the bucket before the switch, not only a sample."`
	Cancel bool   `help:"Give up a migration that was begun: its database and bucket are of no use then."`
}

func (c migrateCommand) Run(ctx context.Context, out output) error {
	old, err := config.Load(c.Config, os.Environ())
	if err != nil {
		return err
	}
	if old.Database != "" || old.Blobs != "" {
		return fmt.Errorf("%s has database or blobs, or TWINPORT_DATABASE or TWINPORT_BLOBS is set: migrate moves a "+
			"deployment that has neither", c.Config)
	}
	if c.Cancel {
		return c.cancel(ctx, out, old)
	}
	if c.To == "" {
		return errors.New("--to is missing: name the configuration that has the new database and blobs")
	}
	next, err := config.Load(c.To, os.Environ())
	if err != nil {
		return err
	}
	if next.Database == "" || next.Blobs == "" {
		return fmt.Errorf("%s must have both database and blobs", c.To)
	}
	if err := sameKeys(old, next); err != nil {
		return fmt.Errorf("compare %s with %s: %w", c.To, c.Config, err)
	}
	if moved, err := migrate.ReadMoved(old.Data); err != nil {
		return err
	} else if moved != nil {
		if err := server.EndMigration(ctx, moved, string(next.Database)); err != nil {
			return err
		}
		fmt.Fprintf(out.stdout, "All has moved on %s. Serve with: twinport serve --config %s\n",
			moved.At.Format(time.DateTime+" MST"), c.To)
		return nil
	}
	wanted := migrate.Request{
		Database: string(next.Database), Blobs: string(next.Blobs), Environment: migrate.Environment(os.Environ()),
		Config: absolute(c.To),
		Domain: next.Domain, Regions: next.Regions, Accounts: next.AccountIDs(), Full: c.Full,
	}
	if err := wanted.Check(old.Domain, old.Regions, old.AccountIDs()); err != nil {
		return err
	}
	bar := newProgressBar(out.stdout)
	err = askServer(ctx, old.Data, wanted, bar.show)
	if errors.Is(err, control.ErrNoServer) {
		fmt.Fprintf(out.stdout, "No server serves %s, so this moves what is in it.\n", old.Data)
		err = server.Migrate(ctx, old, wanted, bar.show)
	}
	bar.end()
	if err != nil {
		return err
	}
	fmt.Fprintf(out.stdout, "All has moved. Writes had to wait for %.1f s. From now on serve with: twinport serve "+
		"--config %s\nA server that was running serves the new stores already. Start others beside it, and it too "+
		"with the new configuration next time.\n",
		bar.last.ReadOnly.Seconds(), c.To)
	return nil
}

// sameKeys refuses a configuration in which clients would find their access
// keys missing or changed.
func sameKeys(old, next config.Config) error {
	secrets := map[string]string{}
	for _, a := range next.Accounts {
		for _, k := range a.AccessKeys {
			secrets[a.ID+"/"+k.ID] = k.Secret
		}
	}
	for _, a := range old.Accounts {
		for _, k := range a.AccessKeys {
			if secret, ok := secrets[a.ID+"/"+k.ID]; !ok || secret != k.Secret {
				return fmt.Errorf("the access key %s of the account %s is missing in it, or has another secret: keep it, for "+
					"clients use it", k.ID, a.ID)
			}
		}
	}
	return nil
}

// askServer has the server of the data folder migrate: control.ErrNoServer.
func askServer(ctx context.Context, data string, r migrate.Request, show func(migrate.Progress)) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	res, err := request(ctx, data, http.MethodPost, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := json.NewDecoder(res.Body)
	for {
		var p migrate.Progress
		if err := lines.Decode(&p); err != nil {
			if ctx.Err() != nil {
				return errors.New("stopped; the deployment serves as before. Run migrate again to go on")
			}
			return fmt.Errorf("the server did not report how the migration ended, so it may have been stopped. Run migrate "+
				"again to go on (%w)", err)
		}
		show(p)
		if p.Error != "" && p.Phase == migrate.End {
			return errors.New(p.Error)
		}
		if p.Error != "" {
			return fmt.Errorf("%s\nthe deployment serves as before; run migrate again to go on, or with --cancel to give up",
				p.Error)
		}
		if p.Phase == migrate.Done {
			return nil
		}
	}
}

// request sends a request to the server of the data folder.
func request(ctx context.Context, data, method string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://server/migrate", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	res, err := control.Client(data).Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 4096))
	return nil, errors.Join(errors.New(strings.TrimSpace(string(text))), err)
}

func (c migrateCommand) cancel(ctx context.Context, out output, old config.Config) error {
	res, err := request(ctx, old.Data, http.MethodDelete, nil)
	if err == nil {
		res.Body.Close()
	}
	if errors.Is(err, control.ErrNoServer) {
		_, err = server.CancelMigration(ctx, old)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(out.stdout, "There is no migration any more. If one had begun: what it has copied is of no use; drop "+
		"its database, and empty its bucket.")
	return nil
}

// progressBar shows a migration's progress: on a terminal a line that changes,
// else a line now and then.
type progressBar struct {
	w        io.Writer
	terminal bool
	begun    time.Time // of the phase
	shown    time.Time
	last     migrate.Progress
	drawn    bool // there is a line that is to be replaced
}

const (
	barWidth = 30
	// lineInterval is how often a line is written where it cannot be replaced.
	lineInterval = 10 * time.Second
)

func newProgressBar(w io.Writer) *progressBar {
	return &progressBar{w: w, terminal: newScreen(w).colour}
}

func (b *progressBar) show(p migrate.Progress) {
	now := time.Now()
	if p.Phase != b.last.Phase {
		b.end()
		if p.Resumed && b.last.Phase == "" {
			fmt.Fprintln(b.w, "Going on with the migration that was begun.")
		}
		b.begun, b.shown = now, time.Time{}
	}
	if p.Slowed != b.last.Slowed {
		b.shown = time.Time{}
	}
	b.last = p
	if p.Phase == migrate.End || p.Phase == migrate.Done || !b.terminal && now.Sub(b.shown) < lineInterval {
		return
	}
	b.shown = now
	line := describe(p, now.Sub(b.begun))
	if !b.terminal {
		fmt.Fprintln(b.w, line)
		return
	}
	fmt.Fprintf(b.w, "\r\x1b[K%s", line)
	b.drawn = true
}

// end keeps the line that is shown.
func (b *progressBar) end() {
	if b.drawn {
		fmt.Fprintln(b.w)
		b.drawn = false
	}
}

// describe is the line for a progress, so long after its phase began.
func describe(p migrate.Progress, since time.Duration) string {
	switch p.Phase {
	case migrate.Objects:
		line := fmt.Sprintf("objects  %s %d of %d, %s of %s", bar(p.Bytes, p.BytesTotal), p.Objects, p.ObjectsTotal,
			size(p.Bytes), size(p.BytesTotal))
		return line + rate(p.BytesCopied, p.BytesTotal-p.Bytes, since, func(n int64) string { return size(n) })
	case migrate.Tables:
		line := fmt.Sprintf("rows     %s %d of %d", bar(p.Rows, p.RowsTotal), p.Rows, max(p.Rows, p.RowsTotal))
		return line + rate(p.Rows, p.RowsTotal-p.Rows, since, func(n int64) string { return fmt.Sprint(n) })
	case migrate.Changes:
		line := fmt.Sprintf("changes  the last round copied %d", p.Changes)
		if p.Slowed > 0 {
			line += fmt.Sprintf("; writes are slowed down: they wait for %d%% of the time", p.Slowed)
		}
		return line
	case migrate.Check:
		return fmt.Sprintf("check    %d objects", p.Checked)
	case migrate.Switch:
		return "switch   writes wait"
	}
	return string(p.Phase)
}

func bar(n, total int64) string {
	full := barWidth
	if total > 0 {
		full = int(min(max(n, 0), total) * barWidth / total)
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", barWidth-full) + "]"
}

// rate is how fast n of something were done, and when the rest will be.
func rate(n, rest int64, since time.Duration, show func(int64) string) string {
	if since < time.Second || n <= 0 {
		return ""
	}
	perSecond := float64(n) / since.Seconds()
	text := ", " + show(int64(perSecond)) + "/s"
	if rest > 0 {
		text += ", " + time.Duration(float64(rest)/perSecond*float64(time.Second)).Round(time.Second).String() + " left"
	}
	return text
}
