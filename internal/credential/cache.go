package credential

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/twinport/twinport/internal/durable"
)

// cacheKey says for whom and where a login is good. It is so for every account
// of a Region.
type cacheKey struct{ Endpoint, Region, AccessKeyID string }

// entry is a login in the cache, which is a file of the user with a list of them.
type entry struct {
	cacheKey
	login
	Until time.Time // when half of its life is over
}

// maxCache bounds the file: what is longer is not ours.
const maxCache = 1 << 20

func cacheFile() (string, error) {
	folder, err := os.UserCacheDir()
	return filepath.Join(folder, "twinport", "logins.json"), err
}

// readCache returns what the cache has that is still good. A cache that cannot
// be read has nothing.
func readCache() []entry {
	path, err := cacheFile()
	if err != nil {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	var entries []entry
	text, err := io.ReadAll(io.LimitReader(file, maxCache))
	if err != nil || json.Unmarshal(text, &entries) != nil {
		return nil
	}
	now := time.Now()
	return slices.DeleteFunc(entries, func(e entry) bool { return !now.Before(e.Until) })
}

// writeCache replaces the cache. Of two processes that do so at once, one may
// undo what the other has added, which is made again. A cache that cannot be written
// stays as it is.
func writeCache(entries []entry) {
	path, err := cacheFile()
	if err != nil {
		return
	}
	text, err := json.Marshal(entries)
	if err != nil || os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return
	}
	_ = durable.WriteFile(path, text)
}

func cached(key cacheKey) (login, bool) {
	for _, e := range readCache() {
		if e.cacheKey == key {
			return e.login, true
		}
	}
	return login{}, false
}

func keep(key cacheKey, l login) {
	if life := l.halfLife(); life > 0 {
		entries := slices.DeleteFunc(readCache(), func(e entry) bool { return e.cacheKey == key })
		writeCache(append(entries, entry{key, l, time.Now().Add(life)}))
	}
}

// forget removes the logins of an endpoint.
func forget(endpoint string) {
	entries := readCache()
	before := len(entries)
	if entries = slices.DeleteFunc(entries, func(e entry) bool { return e.Endpoint == endpoint }); len(entries) < before {
		writeCache(entries)
	}
}
