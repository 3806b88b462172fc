package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/acme/autocert"

	"github.com/twinport/twinport/internal/durable"
)

// certificateCache is an autocert.Cache: a folder with a file for each
// certificate with its key, and one for the account's key. Unlike
// autocert.DirCache it syncs what it writes: an account key that a power cut
// left empty would end all renewals. Files appear whole, so processes may
// share the folder.
type certificateCache string

func newCertificateCache(dir string) (certificateCache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of the certificates: %w", err)
	}
	return certificateCache(dir), nil
}

// path refuses what would lead out of the folder. autocert's names are domains
// with a suffix.
func (c certificateCache) path(name string) (string, error) {
	if name == "" || strings.HasPrefix(name, ".") || strings.ContainsAny(name, `/\`) {
		return "", fmt.Errorf("%q is not the name of a certificate", name)
	}
	return filepath.Join(string(c), name), nil
}

func (c certificateCache) Get(_ context.Context, name string) ([]byte, error) {
	path, err := c.path(name)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, autocert.ErrCacheMiss
	}
	return data, err
}

func (c certificateCache) Put(_ context.Context, name string, data []byte) error {
	path, err := c.path(name)
	if err != nil {
		return err
	}
	return durable.WriteFile(path, data)
}

func (c certificateCache) Delete(_ context.Context, name string) error {
	path, err := c.path(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return durable.SyncDir(string(c))
}
