package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/twinport/twinport/internal/backup"
	"github.com/twinport/twinport/internal/blob/filestore"
	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/stores"
)

type backupCommand struct {
	Config string `placeholder:"FILE" help:"The server's configuration. Default: twinport.yaml, if it is there."`
	To     string `required:"" placeholder:"DIR" help:"The folder to copy to: a new or empty one, or that of an earlier backup, of which only what has changed is copied. It is always a whole backup, even when this is cut short."`
	Copy   bool   `help:"Copy files even where DIR is on the same file system. Without it these are hard links, which cost no room but do not survive the disk."`
	Verify bool   `help:"Read all of the backup and check every digest."`
}

// Help is shown by --help.
func (backupCommand) Help() string {
	return `The server may run or not; sweeps pause meanwhile. The configuration and the master keys are not part of the backup: they hold or open secrets, so keep a copy elsewhere.

Exit status: 0 if the backup is whole; 1 if it could not be made, and the folder holds what it held before; 3 if it was made but for objects that the server itself has lost or has wrong, which twinport verify reports.`
}

// exitDamaged says that all was done, but for what is damaged.
const exitDamaged = 3

func (c backupCommand) Run(ctx context.Context, out output) error {
	cfg, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	if err := onlyEmbedded(cfg, "backup copies the embedded stores, and this configuration has others. Back up "+
		"PostgreSQL first (pg_dump, or base backups with point-in-time recovery), then the bucket (versioning, or "+
		"replication to another one): so every blob that the copied database names is in the copied bucket"); err != nil {
		return err
	}
	meta, blobs, err := stores.OpenReadOnly(ctx, cfg)
	if err != nil {
		return err
	}
	defer meta.Close()
	defer blobs.Close()
	m := newMeter(out.stderr)
	result, err := backup.Take(ctx, meta.(*metadata.SQLite), blobs.(*filestore.Store), c.To,
		transferOptions(m, c.Copy, c.Verify))
	m.clear()
	if err != nil {
		return fmt.Errorf("back up to %s: %w", c.To, err)
	}
	sayWide(out, c.To)
	fmt.Fprintf(out.stdout, "Backed up to %s: the database (%s) and %d objects (%s).\n", c.To, size(result.DatabaseBytes),
		result.Objects-result.Damaged, size(result.Bytes))
	fmt.Fprintf(out.stdout, "New since the last backup: %d copied and %d linked (%s); removed: %d (%s).\n", result.Copied,
		result.Linked, size(result.FreshBytes), result.Removed, size(result.RemovedBytes))
	fmt.Fprintf(out.stdout, "The master keys are not in it: keep a copy of %s elsewhere. Without them the access keys of "+
		"users cannot be restored; with them a backup would be as secret as these are.\n", stores.MasterKeys(cfg))
	if result.Damaged > 0 {
		return &exitStatus{
			exitDamaged, fmt.Errorf("%d objects are damaged in %s and not in the backup: run twinport verify --full, and "+
				"twinport verify --repair", result.Damaged, cfg.Data),
		}
	}
	return nil
}

type restoreCommand struct {
	Config string `placeholder:"FILE" help:"The configuration whose data folder is filled. Default: twinport.yaml, if it is there."`
	From   string `required:"" placeholder:"DIR" help:"The folder of the backup."`
	Copy   bool   `help:"Copy files even where DIR is on the same file system, instead of linking them."`
	Verify bool   `help:"Read all that is restored and check every digest."`
}

// Help is shown by --help.
func (restoreCommand) Help() string {
	return `The data folder must be new or empty. A restore that was cut short is gone on with by running it again; until it has ended no server starts on the folder. Run it as the user that the server runs as.

Exit status: 0 if all is restored; 1 if not; 3 if all is restored but for objects that the backup lacks or has wrong, which twinport verify reports.`
}

func (c restoreCommand) Run(ctx context.Context, out output) error {
	cfg, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	if err := onlyEmbedded(cfg, "restore fills the data folder of the embedded stores, and this configuration has "+
		"others. Restore PostgreSQL (pg_restore, or point-in-time recovery) and the bucket with their own tools; or "+
		"restore with a configuration without database and blobs, and twinport migrate from there"); err != nil {
		return err
	}
	m := newMeter(out.stderr)
	target := backup.Target{
		Data: cfg.Data, Metadata: stores.MetadataFolder(cfg), Blobs: stores.BlobFolder(cfg), Mark: stores.RestoreMark(cfg),
	}
	result, err := backup.Restore(ctx, c.From, target, transferOptions(m, c.Copy, c.Verify))
	m.clear()
	if err != nil {
		return fmt.Errorf("restore %s into %s: %w", c.From, cfg.Data, err)
	}
	sayWide(out, cfg.Data)
	fmt.Fprintf(out.stdout, "Restored into %s: the database (%s) and %d objects (%s); %d copied and %d linked now.\n",
		cfg.Data, size(result.DatabaseBytes), result.Objects-result.Damaged, size(result.Bytes), result.Copied, result.Linked)
	fmt.Fprintf(out.stdout, "A backup has no master keys: put those that it was made with back into %s before the server "+
		"starts, or the access keys of users do not work.\n", stores.MasterKeys(cfg))
	if result.Damaged > 0 {
		return &exitStatus{
			exitDamaged, fmt.Errorf("%d objects are damaged in %s and not restored: run twinport verify --repair",
				result.Damaged, c.From),
		}
	}
	return nil
}

func sayWide(out output, folder string) {
	if text := stores.PermissionAdvice(folder); text != "" {
		fmt.Fprintln(out.stderr, "twinport: "+text)
	}
}

func transferOptions(m *meter, copies, digests bool) backup.Options {
	stage := ""
	return backup.Options{
		Copy: copies, Digests: digests,
		Stage:    func(name string) { stage = name; m.begin(name) },
		Progress: func(done, total, bytes int64) { m.update(stage, done, total, bytes) },
		Damaged: func(object, problem string) {
			m.clear()
			fmt.Fprintf(m.w, "object %s is damaged: %s\n", object, problem)
		},
	}
}

func onlyEmbedded(cfg config.Config, otherwise string) error {
	if stores.Embedded(cfg) {
		return nil
	}
	return errors.New(otherwise)
}

// loadConfig reads the configuration that serve would.
func loadConfig(path string) (config.Config, error) {
	if path == "" {
		if _, err := os.Stat(defaultConfig); err == nil {
			path = defaultConfig
		} else if !errors.Is(err, fs.ErrNotExist) {
			return config.Config{}, fmt.Errorf("look for the configuration: %w", err)
		}
	}
	return config.Load(path, os.Environ())
}
