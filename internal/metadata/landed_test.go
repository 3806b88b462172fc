package metadata

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// TestLandedMigrationsNeverChange: whoever has run a build of main has data that
// the migrations of that build made. A migration that is edited later never
// reaches that data.
func TestLandedMigrationsNeverChange(t *testing.T) {
	t.Parallel()
	const list = "testdata/migrations.sha256"
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	landed := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, path, _ := strings.Cut(strings.TrimSpace(line), "  ")
		landed[path] = sum
	}
	err = fs.WalkDir(migrations, "migrations", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := migrations.ReadFile(path)
		if err != nil {
			return err
		}
		path = strings.TrimPrefix(path, "migrations/")
		sum := fmt.Sprintf("%x", sha256.Sum256(content))
		switch before, known := landed[path]; {
		case !known:
			t.Errorf("%s is new. Is its number free on main, for both dialects, and does it work whatever other "+
				"migrations are there? Then add this line to internal/metadata/%s, in order of path:\n%s  %s", path, list,
				sum, path)
		case before != sum:
			t.Errorf("%s has changed. A migration that is on main stays as it is, since data that it made is in use: "+
				"put it back, and do what is needed in a new migration. (One that has not landed may change: its line "+
				"in internal/metadata/%s is then\n%s  %s)", path, list, sum, path)
		}
		delete(landed, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path := range landed {
		t.Errorf("%s is gone. A migration that is on main stays: data of builds before needs it. Put it back.", path)
	}
}
