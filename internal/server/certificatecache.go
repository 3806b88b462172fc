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
	file, err := os.CreateTemp(string(c), ".new-*") // for its owner only
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return c.sync()
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
	return c.sync()
}

// sync makes the folder's entries durable.
func (c certificateCache) sync() error {
	dir, err := os.Open(string(c))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
