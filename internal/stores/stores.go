// Package stores opens the stores that a configuration names.
package stores

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/blob/filestore"
	"github.com/twinport/twinport/internal/blob/memstore"
	"github.com/twinport/twinport/internal/blob/s3store"
	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/migrate"
)

// Embedded reports whether all is in the data folder.
func Embedded(cfg config.Config) bool { return cfg.Database == "" && cfg.Blobs == "" && !cfg.Ephemeral }

// BlobFolder and MetadataFolder are where the embedded stores are.
func BlobFolder(cfg config.Config) string     { return filepath.Join(cfg.Data, "blobs") }
func MetadataFolder(cfg config.Config) string { return filepath.Join(cfg.Data, "metadata") }

// RestoreMark is a file in a data folder that is being restored. A server on
// such a folder would find blobs that no metadata names, and delete them.
func RestoreMark(cfg config.Config) string { return filepath.Join(cfg.Data, "restoring") }

// OpenBlobs opens the store of bytes to read and write.
func OpenBlobs(ctx context.Context, cfg config.Config) (blob.Store, error) {
	if cfg.Ephemeral {
		return memstore.New(memoryForLayers()), nil
	}
	if cfg.Blobs != "" {
		store, err := s3store.Open(ctx, string(cfg.Blobs))
		if err != nil {
			return nil, fmt.Errorf("open the blob store: %w", err)
		}
		return store, nil
	}
	if err := makeData(cfg); err != nil {
		return nil, err
	}
	store, err := filestore.Open(BlobFolder(cfg))
	if err != nil {
		return nil, fmt.Errorf("open the blob store in %s: %w", cfg.Data, explainPermission(cfg.Data, err))
	}
	return store, nil
}

// OpenMetadata opens the store of facts to read and write: metadata.ErrInUse.
func OpenMetadata(ctx context.Context, cfg config.Config) (metadata.Store, error) {
	if cfg.Ephemeral {
		store, err := metadata.OpenSQLiteInMemory(ctx)
		if err != nil {
			return nil, fmt.Errorf("open the metadata store: %w", err)
		}
		return store, nil
	}
	if cfg.Database != "" {
		store, err := metadata.OpenPostgres(ctx, string(cfg.Database))
		if err == nil {
			if err = refuseMigrating(ctx, store); err != nil {
				_ = store.Close() // what failed first is the error to report
			}
		}
		if err != nil {
			return nil, fmt.Errorf("open the metadata store: %w", err)
		}
		return store, nil
	}
	if err := makeData(cfg); err != nil {
		return nil, err
	}
	store, err := metadata.OpenSQLite(ctx, MetadataFolder(cfg))
	if err != nil {
		return nil, fmt.Errorf("open the metadata store in %s: %w", cfg.Data, explainPermission(cfg.Data, err))
	}
	return store, nil
}

// mostInMemory is how many bytes of layers an ephemeral server keeps, whatever
// the machine has.
const mostInMemory = 2 << 30

// memoryForLayers leaves half of GOMEMLIMIT to all else.
func memoryForLayers() int64 { return min(mostInMemory, debug.SetMemoryLimit(-1)/2) }

// Open opens both stores for a command that writes. Unlike a server it does not
// create them: metadata.ErrInUse if a server runs on the embedded stores.
func Open(ctx context.Context, cfg config.Config) (metadata.Store, blob.Store, error) {
	if err := mustExist(cfg); err != nil {
		return nil, nil, err
	}
	return both(ctx, cfg, OpenMetadata, OpenBlobs)
}

// OpenReadOnly opens both stores for a command that only reads, while other processes serve them.
func OpenReadOnly(ctx context.Context, cfg config.Config) (metadata.Store, blob.Store, error) {
	return both(ctx, cfg, metadataBeside, blobsBeside)
}

func both(ctx context.Context, cfg config.Config,
	openMetadata func(context.Context, config.Config) (metadata.Store, error),
	openBlobs func(context.Context, config.Config) (blob.Store, error)) (metadata.Store, blob.Store, error) {
	meta, err := openMetadata(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	blobs, err := openBlobs(ctx, cfg)
	if err != nil {
		_ = meta.Close()
		return nil, nil, err
	}
	return meta, blobs, nil
}

// mustExist refuses a data folder without a database: it is more likely to be
// the wrong folder than a new one.
func mustExist(cfg config.Config) error {
	if cfg.Database != "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(MetadataFolder(cfg), metadata.DatabaseFile)); err != nil {
		return fmt.Errorf("the data folder %s holds no registries: name by --config the configuration that the server "+
			"has, or correct data in it (%w)", cfg.Data, explainPermission(cfg.Data, err))
	}
	return nil
}

func metadataBeside(ctx context.Context, cfg config.Config) (metadata.Store, error) {
	if cfg.Database != "" {
		return OpenMetadata(ctx, cfg)
	}
	if err := refuseRestoring(cfg); err != nil {
		return nil, err
	}
	if err := mustExist(cfg); err != nil {
		return nil, err
	}
	store, err := metadata.OpenSQLiteReadOnly(ctx, MetadataFolder(cfg))
	if err != nil {
		return nil, err
	}
	return store, nil
}

func blobsBeside(ctx context.Context, cfg config.Config) (blob.Store, error) {
	if cfg.Blobs != "" {
		return OpenBlobs(ctx, cfg)
	}
	store, err := filestore.OpenReadOnly(BlobFolder(cfg))
	if err != nil {
		return nil, err
	}
	return store, nil
}

// makeData makes the data folder. Private: whoever reads it reads every
// account's images.
func makeData(cfg config.Config) (err error) {
	defer func() { err = explainPermission(cfg.Data, err) }()
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if moved, err := migrate.ReadMoved(cfg.Data); err != nil {
		return err
	} else if moved != nil {
		return moved.Refuse(cfg.Data)
	}
	return refuseRestoring(cfg)
}

// explainPermission adds to a permission error what to do if the data folder belongs to another
// user: a container engine makes a mount's folder as root.
func explainPermission(folder string, err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w; twinport runs as user %d, group %d here, and the folder must be that user's with all that "+
		"is in it: chown -R %[2]d:%[3]d %[4]s",
		err, os.Getuid(), os.Getgid(), folder)
}

// PermissionAdvice says what to do about a data folder that other users of the machine may look
// into; "" if they may not.
func PermissionAdvice(folder string) string {
	info, err := os.Stat(folder)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return ""
	}
	return fmt.Sprintf("other users of this machine may look into %s (mode %04o), which holds what only Twinport "+
		"needs: chmod 700 %[1]s", folder, info.Mode().Perm())
}

// refuseMigrating refuses a database into which a migration is copying: a sweep
// would delete objects whose rows are not copied yet.
func refuseMigrating(ctx context.Context, m metadata.Store) error {
	lease, err := m.Read(ctx).Leases().Get(metadata.MigrationLease)
	if err != nil {
		return err
	}
	if lease.Holder != "" {
		return errors.New("a migration into the database was begun and has not ended: run twinport migrate again, with " +
			"the same configurations, until it says that all has moved; the old server serves until then")
	}
	return nil
}

func refuseRestoring(cfg config.Config) error {
	if _, err := os.Stat(RestoreMark(cfg)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("a restore into %s was begun and has not ended: run twinport restore again to go on with it, or "+
			"empty the folder", cfg.Data)
	}
	return nil
}
