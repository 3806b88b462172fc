package config_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/config"
)

func TestInit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	w, err := config.Init(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(w.Config, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Data = filepath.Join(dir, "twinport-data")
	want.Accounts = w.Accounts
	checkConfig(t, c, want)
	if len(w.Accounts) != 2 || w.Accounts[0].Name != "prod" || w.Accounts[0].ID != "111122223333" ||
		w.Accounts[1].Name != "dev" || w.Accounts[1].ID != "444455556666" {
		t.Errorf("accounts %v", w.Accounts)
	}
	for _, account := range w.Accounts {
		key := account.AccessKeys[0]
		if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(key.ID) || len(key.Secret) != 40 {
			t.Errorf("access key %s with a secret of %d bytes", key.ID, len(key.Secret))
		}
	}
	if w.Accounts[0].AccessKeys[0].Secret == w.Accounts[1].AccessKeys[0].Secret {
		t.Error("both accounts have one secret")
	}
	for _, path := range []string{w.Config, w.AWSConfig, w.AWSCredentials} {
		info, err := os.Stat(path)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}

	again, err := config.Init(dir, "")
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), w.Config) {
		t.Errorf("second time: %+v, %v", again, err)
	}
	if c, err = config.Load(w.Config, nil); err != nil {
		t.Fatal(err)
	}
	checkConfig(t, c, want)
}

// What stands in the way must stay, and nothing be left beside it.
func TestInitDoesNotOverwrite(t *testing.T) {
	for _, existing := range []string{"twinport.yaml", "aws/config", "aws/credentials"} {
		t.Run(existing, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, existing)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Init(dir, ""); !errors.Is(err, fs.ErrExist) {
				t.Errorf("error %v", err)
			}
			err := filepath.WalkDir(dir, func(p string, entry fs.DirEntry, err error) error {
				if err == nil && !entry.IsDir() && p != path {
					t.Errorf("%s is left behind", p)
				}
				return err
			})
			if content, readErr := os.ReadFile(path); err != nil || readErr != nil || string(content) != "mine" {
				t.Errorf("the file holds %q (%v, %v)", content, err, readErr)
			}
		})
	}
}

func TestInitListen(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:9000": "http://127.0.0.1:9000",
		":9000":          "http://127.0.0.1:9000",
		"0.0.0.0:9000":   "http://127.0.0.1:9000",
		"[::]:9000":      "http://127.0.0.1:9000",
		"[::1]:9000":     "http://[::1]:9000",
		"host:9000":      "http://host:9000",
		"127.0.0.1:0":    "",
		"127.0.0.1":      "",
		"127.0.0.1:http": "",
	} {
		w, err := config.Init(t.TempDir(), listen)
		if (err != nil) != (want == "") || w.Endpoint != want {
			t.Errorf("%s: endpoint %q, %v; want %q", listen, w.Endpoint, err, want)
		}
		if err != nil {
			continue
		}
		if c, err := config.Load(w.Config, nil); err != nil || c.Listen != listen {
			t.Errorf("%s: loaded %q, %v", listen, c.Listen, err)
		}
	}
}

// The files must be what the AWS CLI itself reads.
func TestInitForTheAWSCLI(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the aws CLI is not installed")
	}
	w, err := config.Init(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	get := func(profile, name string) string {
		command := exec.Command("aws", "configure", "get", name, "--profile", profile)
		command.Env = append(os.Environ(), "AWS_CONFIG_FILE="+w.AWSConfig, "AWS_SHARED_CREDENTIALS_FILE="+w.AWSCredentials)
		out, err := command.Output()
		if err != nil {
			t.Errorf("%v: %v", command.Args, err)
		}
		return strings.TrimSpace(string(out))
	}
	for _, account := range w.Accounts[:1] {
		key := account.AccessKeys[0]
		for name, want := range map[string]string{
			"region": w.Region, "endpoint_url": "http://127.0.0.1:8080",
			"aws_access_key_id": key.ID, "aws_secret_access_key": key.Secret,
		} {
			if got := get(account.Name, name); got != want {
				t.Errorf("%s of profile %s is not what was written", name, account.Name)
			}
		}
	}
	if got := get("dev", "aws_access_key_id"); got != w.Accounts[1].AccessKeys[0].ID {
		t.Errorf("access key of profile dev is %q", got)
	}
}
