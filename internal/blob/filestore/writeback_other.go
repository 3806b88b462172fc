//go:build !linux

package filestore

import "os"

// beginWriteback does nothing: only Linux can be asked.
func beginWriteback(*os.File, int64, int64) {}
