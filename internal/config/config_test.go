package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/quota"
)

const (
	prodKey    = "AKIAPRODPRODPRODPROD"
	devKey     = "AKIADEVDEVDEVDEVDEVD"
	prodSecret = "prod-secret-prod-secret-prod-secret-prod"
	devSecret  = "dev-secret-dev-secret-dev-secret-dev-sec"

	accounts = `accounts:
  - id: "111122223333"
    name: prod
    access_keys:
      - {id: AKIAPRODPRODPRODPROD, secret: prod-secret-prod-secret-prod-secret-prod}
`
	accountsJSON = `[{"id":"444455556666","name":"dev","access_keys":[{"id":"AKIADEVDEVDEVDEVDEVD","secret":"dev-secret-dev-secret-dev-secret-dev-sec"}]}]`
)

var (
	prod = config.Account{
		ID: "111122223333", Name: "prod", AccessKeys: []config.AccessKey{{ID: prodKey, Secret: prodSecret}},
		Quotas: quota.Default(),
	}
	dev = config.Account{
		ID: "444455556666", Name: "dev", AccessKeys: []config.AccessKey{{ID: devKey, Secret: devSecret}},
		Quotas: quota.Default(),
	}
)

func TestQuotas(t *testing.T) {
	second := strings.NewReplacer("accounts:\n", "", "111122223333", "444455556666", "prod\n", "dev\n", "PROD",
		"DEVS").Replace(accounts)
	dir := write(t, map[string]string{"twinport.yaml": `quotas:
  repositories: 7
  tags_per_image: none
  stored_bytes: 2TiB
  replicated_bytes: 500 GB
  requests_per_second: {PutImage: 20, BatchGetImage: none, other: 5}
` + accounts + `    quotas: {repositories: 9, stored_bytes: none, requests_per_second: {PutImage: 30}}
` + second})
	path := filepath.Join(dir, "twinport.yaml")
	got, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := quota.Default()
	all.Repositories, all.TagsPerImage, all.StoredBytes, all.ReplicatedBytes = 7, 0, 2<<40, 500e9
	all.Rates[quota.PutImage], all.Rates[quota.BatchGetImage], all.Rates[quota.Other] = 20, 0, 5
	own := all
	own.Repositories, own.StoredBytes, own.Rates[quota.PutImage] = 9, 0, 30
	want := map[string]quota.Limits{"111122223333": own, "444455556666": all}
	if diff := cmp.Diff(want, got.Limits()); diff != "" {
		t.Error(diff)
	}
	// The variable takes the place of the file's quotas for all.
	if got, err = config.Load(path, []string{"TWINPORT_QUOTAS={requests_per_second: none}"}); err != nil {
		t.Fatal(err)
	}
	all = quota.Default()
	all.Rates = [quota.Kinds]int64{}
	if diff := cmp.Diff(all, got.Limits()["444455556666"]); diff != "" {
		t.Error(diff)
	}
}

// write puts files into a new folder and returns it.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// writePair makes a certificate and its key.
func writePair(t *testing.T, dir, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".crt": {Type: "CERTIFICATE", Bytes: cert},
		name + ".key": {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// keyOf is the text of a key of a deployment: the bytes of its id, the key's
// number and the key, with a checksum.
func keyOf(name string, number byte) string {
	id, key := sha256.Sum256([]byte("id "+name)), sha256.Sum256([]byte{number})
	raw := slices.Concat(id[:16], []byte{number}, key[:])
	sum := sha256.Sum256(raw)
	return "ed25519:" + base64.RawURLEncoding.EncodeToString(append(raw, sum[:4]...))
}

// AccessKey hides its secret from formatting, cmp's included.
func secrets(c config.Config) (list []string) {
	for _, account := range c.Accounts {
		for _, key := range account.AccessKeys {
			list = append(list, key.ID+" "+key.Secret)
		}
	}
	return list
}

func checkConfig(t *testing.T, got, want config.Config) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(secrets(want), secrets(got)); diff != "" {
		t.Errorf("access keys (-want +got):\n%s", diff)
	}
}

func TestLoadEveryKey(t *testing.T) {
	dir := write(t, map[string]string{
		"secret": "  " + devSecret + "\n",
		"twinport.yaml": `
listen: "[::1]:9443"
domain: registry.example.com
public_port: 443
uri: host
data: store
database: postgres://twinport:database-password@db.example/twinport
blobs: s3://bucket/prefix?region=eu-central-1
sweep: {interval: 30m, grace: 48h}
lifecycle: {interval: 6h}
regions:
  - osaka-dc1
  - us-east-1
tls: {cert: a.crt, key: a.key}
trusted_proxies: [10.0.0.0/8, "fd00::1"]
metrics: "127.0.0.1:9464"
operators: ["444455556666"]
deployment: {name: tokyo.1, url: "HTTP://Registry.Internal:8080/", allow_plain: true}
peers:
  - name: oregon
    url: https://oregon.example.com
    key: ` + keyOf("oregon", 1) + `
    outbound: true
    regions: [us-west-2, us-east-1]
    serves: ["777788889999"]
    accounts: all
  - {name: edge, url: "http://192.0.2.1:8080", key: "` + keyOf("edge", 1) + `", regions: [edge-1],
     serves: ["111122223333", "777788889999"], accounts: ["777788889999"]}
  - {name: quiet, key: "` + keyOf("quiet", 1) + `", regions: [osaka-dc1], serves: ["777788889999"]}
` + accounts + `  - id: "444455556666"
    name: dev
    organization: o-a1b2c3d4e5
    access_keys:
      - {id: AKIADEVDEVDEVDEVDEVD, secret_file: secret}
      - {id: AKIAENVENVENVENVENVE, secret_env: TWINPORT_DEV_SECRET}
`})
	writePair(t, dir, "a")
	fromEnv := "from-the-environment-from-the-environment"
	got, err := config.Load(filepath.Join(dir, "twinport.yaml"), []string{
		"TWINPORT_DEV_SECRET=" + fromEnv, "HOME=/nowhere", "malformed",
	})
	if err != nil {
		t.Fatal(err)
	}
	both := dev
	both.Organization = "o-a1b2c3d4e5"
	both.AccessKeys = append(slices.Clone(dev.AccessKeys), config.AccessKey{ID: "AKIAENVENVENVENVENVE", Secret: fromEnv})
	checkConfig(t, got, config.Config{
		Listen:         "[::1]:9443",
		Domain:         "registry.example.com",
		PublicPort:     443,
		URI:            "host",
		Data:           filepath.Join(dir, "store"),
		Database:       "postgres://twinport:database-password@db.example/twinport",
		Blobs:          "s3://bucket/prefix?region=eu-central-1",
		Sweep:          config.Sweep{Interval: 30 * time.Minute, Grace: 48 * time.Hour},
		Lifecycle:      config.Lifecycle{Interval: 6 * time.Hour},
		Regions:        []string{"osaka-dc1", "us-east-1"},
		TLS:            config.TLS{Cert: filepath.Join(dir, "a.crt"), Key: filepath.Join(dir, "a.key")},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::1/128")},
		Metrics:        "127.0.0.1:9464",
		Accounts:       []config.Account{prod, both},
		Operators:      []string{dev.ID},
		Deployment:     config.Deployment{Name: "tokyo.1", URL: "http://registry.internal:8080", AllowPlain: true},
		Peers: []config.Peer{
			{
				Name: "oregon", URL: "https://oregon.example.com", Key: keyOf("oregon", 1),
				Outbound: true, Regions: []string{"us-west-2", "us-east-1"}, Serves: []string{"777788889999"}, AllAccounts: true,
			},
			{
				Name: "edge", URL: "http://192.0.2.1:8080", Key: keyOf("edge", 1), Regions: []string{"edge-1"},
				Serves: []string{prod.ID, "777788889999"}, Accounts: []string{"777788889999"},
			},
			{
				Name: "quiet", Key: keyOf("quiet", 1), Regions: []string{"osaka-dc1"}, Serves: []string{"777788889999"},
			},
		},
	})
	if organizations := got.Organizations(); len(organizations) != 1 || organizations[both.ID] != both.Organization {
		t.Errorf("organizations: %v", organizations)
	}
}

func TestLoadDefaults(t *testing.T) {
	dir := write(t, map[string]string{"twinport.yaml": accounts})
	got, err := config.Load(filepath.Join(dir, "twinport.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Data = filepath.Join(dir, "twinport-data")
	want.Accounts = []config.Account{prod}
	checkConfig(t, got, want)

	got, err = config.Load("", []string{"TWINPORT_ACCOUNTS=" + accountsJSON})
	if err != nil {
		t.Fatal(err)
	}
	want.Data = "./twinport-data"
	want.Accounts = []config.Account{dev}
	checkConfig(t, got, want)
}

func TestLoadPublicPortFollowsListen(t *testing.T) {
	for listen, want := range map[string]int{
		":9000": 9000, "127.0.0.1:0": 0, "0.0.0.0:65535": 65535, "host.example:80": 80,
	} {
		got, err := config.Load("", []string{"TWINPORT_ACCOUNTS=" + accountsJSON, "TWINPORT_LISTEN=" + listen})
		if err != nil || got.PublicPort != want || got.Listen != listen {
			t.Errorf("%s: %+v, %v; want port %d", listen, got, err, want)
		}
	}
}

// Every key is a variable, and the variable wins.
func TestLoadEnvironment(t *testing.T) {
	dir := write(t, map[string]string{"twinport.yaml": `
listen: 127.0.0.1:1
domain: file.example
public_port: 1
data: /file
database: postgres://file/db
blobs: s3://file
sweep: {interval: 1m, grace: 1h}
lifecycle: {interval: 2h}
regions: [file-1]
tls: {cert: a.crt, key: a.key}
` + accounts})
	writePair(t, dir, "a")
	writePair(t, dir, "b")
	path := func(name string) string { return filepath.Join(dir, name) }
	base := config.Config{
		Listen: "127.0.0.1:1", Domain: "file.example", PublicPort: 1, URI: "auto", Data: "/file", Regions: []string{"file-1"},
		Database: "postgres://file/db", Blobs: "s3://file", Sweep: config.Sweep{Interval: time.Minute, Grace: time.Hour},
		Lifecycle: config.Lifecycle{Interval: 2 * time.Hour},
		TLS:       config.TLS{Cert: path("a.crt"), Key: path("a.key")}, Accounts: []config.Account{prod},
		Deployment: config.Deployment{Name: "file-1", URL: "https://file.example:1"},
	}
	tests := map[string]struct {
		environ []string
		change  func(*config.Config)
	}{
		"none":    {nil, func(*config.Config) {}},
		"empty":   {[]string{"TWINPORT_LISTEN=", "TWINPORT_REGIONS=", "TWINPORT_ACCOUNTS="}, func(*config.Config) {}},
		"listen":  {[]string{"TWINPORT_LISTEN=:2"}, func(c *config.Config) { c.Listen = ":2" }},
		"metrics": {[]string{"TWINPORT_METRICS=:9464"}, func(c *config.Config) { c.Metrics = ":9464" }},
		"domain": {[]string{"TWINPORT_DOMAIN=env.example"}, func(c *config.Config) {
			c.Domain, c.Deployment.URL = "env.example", "https://env.example:1"
		}},
		"public port": {[]string{"TWINPORT_PUBLIC_PORT=2"}, func(c *config.Config) {
			c.PublicPort, c.Deployment.URL = 2, "https://file.example:2"
		}},
		"uri":  {[]string{"TWINPORT_URI=short"}, func(c *config.Config) { c.URI = "short" }},
		"data": {[]string{"TWINPORT_DATA=env/data"}, func(c *config.Config) { c.Data = "env/data" }},
		"database": {
			[]string{"TWINPORT_DATABASE=postgres://env/db"}, func(c *config.Config) { c.Database = "postgres://env/db" },
		},
		"blobs": {[]string{"TWINPORT_BLOBS=s3://env"}, func(c *config.Config) { c.Blobs = "s3://env" }},
		"sweep": {[]string{"TWINPORT_SWEEP_INTERVAL=2m", "TWINPORT_SWEEP_GRACE=2h"}, func(c *config.Config) {
			c.Sweep = config.Sweep{Interval: 2 * time.Minute, Grace: 2 * time.Hour}
		}},
		"lifecycle": {[]string{"TWINPORT_LIFECYCLE_INTERVAL=3h"}, func(c *config.Config) {
			c.Lifecycle.Interval = 3 * time.Hour
		}},
		"regions": {
			[]string{"TWINPORT_REGIONS=env-1, env-2"}, func(c *config.Config) {
				c.Regions, c.Deployment.Name = []string{"env-1", "env-2"}, "env-1"
			},
		},
		"proxies": {[]string{"TWINPORT_TRUSTED_PROXIES=10.1.1.1,192.0.2.0/24"}, func(c *config.Config) {
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.1.1.1/32"), netip.MustParsePrefix("192.0.2.0/24")}
		}},
		"one region": {[]string{"TWINPORT_REGIONS=env-1"}, func(c *config.Config) {
			c.Regions, c.Deployment.Name = []string{"env-1"}, "env-1"
		}},
		"operators": {[]string{
			"TWINPORT_ACCOUNTS=" + accountsJSON, "TWINPORT_OPERATORS=" + dev.ID,
		}, func(c *config.Config) {
			c.Accounts, c.Operators = []config.Account{dev}, []string{dev.ID}
		}},
		"deployment": {[]string{
			"TWINPORT_DEPLOYMENT_NAME=env", "TWINPORT_DEPLOYMENT_URL=http://198.51.100.1", "TWINPORT_DEPLOYMENT_ALLOW_PLAIN=true",
		}, func(c *config.Config) {
			c.Deployment = config.Deployment{Name: "env", URL: "http://198.51.100.1", AllowPlain: true}
		}},
		"peers": {[]string{`TWINPORT_PEERS=[{"name":"other","url":"https://other.example","key":"` + keyOf("other", 1) +
			`","regions":["file-1"],"serves":["444455556666"],"accounts":["444455556666"]}]`}, func(c *config.Config) {
			c.Peers = []config.Peer{{
				Name: "other", URL: "https://other.example", Key: keyOf("other", 1), Regions: []string{"file-1"},
				Serves: []string{dev.ID}, Accounts: []string{dev.ID},
			}}
		}},
		"tls": {[]string{"TWINPORT_TLS_CERT=" + path("b.crt"), "TWINPORT_TLS_KEY=" + path("b.key")}, func(c *config.Config) {
			c.TLS = config.TLS{Cert: path("b.crt"), Key: path("b.key")}
		}},
		"accounts as JSON": {
			[]string{"TWINPORT_ACCOUNTS=" + accountsJSON}, func(c *config.Config) { c.Accounts = []config.Account{dev} },
		},
		"accounts as YAML": {[]string{
			"TWINPORT_ACCOUNTS=" + `[{id: "444455556666", name: dev, access_keys: [{id: AKIADEVDEVDEVDEVDEVD, secret_env: S}]}]`,
			"S=" + devSecret,
		},
			func(c *config.Config) { c.Accounts = []config.Account{dev} }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := config.Load(path("twinport.yaml"), test.environ)
			if err != nil {
				t.Fatal(err)
			}
			want := base
			test.change(&want)
			checkConfig(t, got, want)
		})
	}
}

// manyAccounts lists so many different accounts.
func manyAccounts(n int) string {
	accounts := make([]string, n)
	for i := range accounts {
		accounts[i] = fmt.Sprintf(`"9%011d"`, i)
	}
	return strings.Join(accounts, ", ")
}

// The URL of the deployment is that of the domain, unless that names only this
// machine, or it is configured. Its name is its first Region's, if that can be.
func TestDeploymentDefaults(t *testing.T) {
	dir := write(t, nil)
	writePair(t, dir, "a")
	certificate := []string{
		"TWINPORT_TLS_CERT=" + filepath.Join(dir, "a.crt"), "TWINPORT_TLS_KEY=" + filepath.Join(dir, "a.key"),
	}
	for name, test := range map[string]struct {
		environ []string
		want    string
	}{
		"localhost":       {[]string{"TWINPORT_DOMAIN=localhost"}, ""},
		"below localhost": {[]string{"TWINPORT_DOMAIN=registry.localhost", "TWINPORT_PUBLIC_PORT=443"}, ""},
		"a free port":     {[]string{"TWINPORT_DOMAIN=a.example", "TWINPORT_LISTEN=:0"}, ""},
		"plain":           {[]string{"TWINPORT_DOMAIN=a.example"}, "http://a.example:8080"},
		"port 80":         {[]string{"TWINPORT_DOMAIN=a.example", "TWINPORT_PUBLIC_PORT=80"}, "http://a.example"},
		"behind a proxy":  {[]string{"TWINPORT_DOMAIN=a.example", "TWINPORT_PUBLIC_PORT=443"}, "https://a.example"},
		"certificate":     {append([]string{"TWINPORT_DOMAIN=a.example"}, certificate...), "https://a.example:8080"},
		"ACME": {[]string{"TWINPORT_DOMAIN=a.example", "TWINPORT_LISTEN=:443", "TWINPORT_TLS_ACME_DOMAINS=a.example"},
			"https://a.example"},
		"loopback": {[]string{"TWINPORT_DEPLOYMENT_URL=http://127.0.0.1:8080"}, "http://127.0.0.1:8080"},
		"IPv6":     {[]string{"TWINPORT_DEPLOYMENT_URL=http://[::1]:8080/"}, "http://[::1]:8080"},
		"name":     {[]string{"TWINPORT_DEPLOYMENT_URL=http://LOCALHOST:1"}, "http://localhost:1"},
	} {
		got, err := config.Load("", append([]string{"TWINPORT_ACCOUNTS=" + accountsJSON}, test.environ...))
		if err != nil || got.Deployment.URL != test.want {
			t.Errorf("%s: %q, %v; want %q", name, got.Deployment.URL, err, test.want)
		}
	}
	got, err := config.Load("", []string{"TWINPORT_ACCOUNTS=" + accountsJSON, "TWINPORT_REGIONS=-a,b1"})
	if err != nil || got.Deployment.Name != "twinport" {
		t.Errorf("the name is %q (%v) where the first Region cannot be one", got.Deployment.Name, err)
	}
}

// Each wrong value: where it is reported, and what the message says of it.
func TestLoadRefuses(t *testing.T) {
	const key = "{id: AKIAPRODPRODPRODPROD, secret: prod-secret-prod-secret-prod-secret-prod}"
	account := func(id, name, keys string) string {
		return "accounts:\n  - id: " + id + "\n    name: " + name + "\n    access_keys: " + keys + "\n"
	}
	one := func(keys string) string { return account(`"111122223333"`, "prod", keys) }
	second := func(id, name, keyID string) string {
		return accounts + "  - id: " + id + "\n    name: " + name + "\n    access_keys: [{id: " + keyID +
			", secret: dev-secret-dev-secret-dev-secret-dev-sec}]\n"
	}
	long := strings.Repeat("a", 300)
	deployedAt := func(url string) string { return accounts + "deployment: {url: '" + url + "'}\n" }
	peer := func(name, url, key, more string) string {
		return fmt.Sprintf("  - {name: %s, url: %q, key: %q, %s}\n", name, url, key, more)
	}
	// A peer that is right, in line 7.
	oregon := accounts + "peers:\n" + peer("oregon", "https://oregon.example", keyOf("oregon", 1),
		`regions: [us-west-2, us-east-1], serves: ["444455556666", "777788889999"]`)
	const elsewhere = `regions: [eu-west-1], serves: ["111122223333"]`
	type wants []string // "line: part of the message", or "VARIABLE[:line]: part"
	tests := []struct {
		name, yaml string
		environ    []string
		want       wants
	}{
		{"no accounts", "listen: :8080\n", nil, wants{"0: accounts: none is given"}},
		{"empty file", "", nil, wants{"0: accounts: none is given"}},
		{"only a comment", "# nothing\n", nil, wants{"0: accounts: none is given"}},
		{"not a mapping", "- a\n", nil, wants{"0: accounts: none", "1: must be a mapping with the keys listen, domain"}},
		{"not YAML", accounts + "listen: [\n", nil, wants{"6: not valid YAML"}},
		{"two documents", accounts + "---\nlisten: :1\n", nil, wants{"6: a second YAML document"}},
		{"second document malformed", accounts + "---\n]\n", nil, wants{"6: not valid YAML"}},
		{"too long", accounts + "# " + strings.Repeat("x", 1<<20), nil, wants{"0: longer than 1048576 bytes"}},
		{"unknown key", accounts + "region: [us-east-1]\n", nil, wants{
			`6: unknown key "region"; did you mean regions? (allowed: listen, domain, public_port, uri, data, database, blobs, sweep, lifecycle, regions, tls, trusted_proxies, metrics, quotas, accounts, operators, deployment, peers)`,
		}},
		{"unknown key in other letters", accounts + "publicPort: 1\n", nil, wants{
			`6: unknown key "publicPort"; did you mean public_port?`,
		}},
		{"unknown key, nothing near", accounts + "colour: red\n", nil, wants{`6: unknown key "colour" (allowed`}},
		{"key that is no text", accounts + "[a, b]: red\n", nil, wants{`6: unknown key ""`}},
		{"repeated key", "domain: a.example\ndomain: b.example\n" + accounts, nil, wants{
			"2: domain: given twice, before in line 1",
		}},
		{"alias", "domain: &d a.example\ndata: *d\n" + accounts, nil, wants{"1: YAML anchors"}},
		{"merge key", accounts + "<<: {domain: a.example}\n", nil, wants{`6: unknown key "<<"`}},

		{"listen: number", accounts + "listen: 8080\n", nil, wants{
			"6: listen: must be text: put it in quotes; allowed: host:port",
		}},
		{"uri", accounts + "uri: dns\n", nil, wants{`6: uri: "dns" is not valid; allowed: auto`}},
		{"metrics: no port", accounts + "metrics: localhost\n", nil, wants{`6: metrics: "localhost" is not an address`}},
		{"listen: list", accounts + "listen: [a]\n", nil, wants{"6: listen: must be text, not a list"}},
		{"listen: null", accounts + "listen:\n", nil, wants{"6: listen: has no value"}},
		{"listen: empty", accounts + `listen: ""` + "\n", nil, wants{"6: listen: has no value"}},
		{"listen: no port", accounts + "listen: localhost\n", nil, wants{`6: listen: "localhost" is not an address`}},
		{"listen: port name", accounts + "listen: localhost:http\n", nil, wants{"6: listen: the port of"}},
		{"listen: port too large", accounts + "listen: localhost:65536\n", nil, wants{"6: listen: the port of"}},
		{"listen: port with zeros", accounts + "listen: localhost:080\n", nil, wants{"6: listen: the port of"}},
		{"listen: host", accounts + `listen: "a b:80"` + "\n", nil, wants{"6: listen:"}},
		{"listen: URL", accounts + "listen: http://localhost:80\n", nil, wants{"6: listen:"}},
		{"domain: capitals", accounts + "domain: Example.com\n", nil, wants{
			`6: domain: "Example.com" is not valid; allowed: a DNS name`,
		}},
		{"domain: port", accounts + "domain: localhost:8080\n", nil, wants{"6: domain:"}},
		{"domain: dots", accounts + "domain: a..b\n", nil, wants{"6: domain:"}},
		{"domain: IP address", accounts + "domain: 127.0.0.1\n", nil, wants{
			"6: domain: \"127.0.0.1\" is too long or ends like",
		}},
		{"domain: long", accounts + "domain: " + strings.Repeat("a.", 100) + "aa\n", nil, wants{"6: domain:"}},
		{"domain: long label", accounts + "domain: " + strings.Repeat("a", 64) + "\n", nil, wants{"6: domain:"}},
		{"domain: boolean", accounts + "domain: true\n", nil, wants{"6: domain: must be text"}},
		{"public_port: text", accounts + "public_port: \"80\"\n", nil, wants{
			"6: public_port: not a port; allowed: a number from 1 to 65535",
		}},
		{"public_port: zero", accounts + "public_port: 0\n", nil, wants{"6: public_port"}},
		{"public_port: negative", accounts + "public_port: -1\n", nil, wants{"6: public_port"}},
		{"public_port: large", accounts + "public_port: 65536\n", nil, wants{"6: public_port"}},
		{"public_port: fraction", accounts + "public_port: 80.5\n", nil, wants{"6: public_port"}},
		{"public_port: list", accounts + "public_port: [80]\n", nil, wants{"6: public_port"}},
		{"data: number", accounts + "data: 1\n", nil, wants{"6: data: must be text"}},
		{"data: zero byte", accounts + `data: "a\0b"` + "\n", nil, wants{"6: data: not a path"}},
		{"data: long", accounts + "data: " + strings.Repeat("a", 5000) + "\n", nil, wants{"6: data: not a path"}},
		{"regions: text", accounts + "regions: us-east-1\n", nil, wants{"6: regions: must be a list of at least one Region"}},
		{"regions: empty", accounts + "regions: []\n", nil, wants{"6: regions: must be a list"}},
		{"regions: items", accounts + "regions:\n  - us-east-1\n  - U\n  - 12\n  - us_east\n  - [a]\n  - us-east-1\n  - " +
			long + "\n", nil, wants{
			`8: regions[1]: "U" is not valid; allowed: 2 to 25 characters`, "9: regions[2]: must be text: put it in quotes",
			"10: regions[3]:",
			"11: regions[4]:", "12: regions[5]: Region us-east-1 is listed twice", "13: regions[6]:"}},
		{"database: text", accounts + "database: [a]\n", nil, wants{"6: database: must be text"}},
		{"database: other", accounts + "database: mysql://u:hidden@h/d\n", nil, wants{
			"6: database: not a URL that can be used here; allowed: postgres://",
		}},
		{"blobs: other", accounts + "blobs: gs://bucket\n", nil, wants{
			"6: blobs: not a URL that can be used here; allowed: s3://",
		}},
		{"blobs: no bucket", accounts + "blobs: s3://\n", nil, wants{"6: blobs: not a URL"}},
		{"sweep: text", accounts + "sweep: yes\n", nil, wants{"6: sweep: must be a mapping with the keys interval, grace"}},
		{"sweep: values", accounts + "sweep: {interval: 1, grace: 100ms}\n", nil, wants{
			"6: sweep.interval: must be text", `6: sweep.grace: "100ms" is not a time that can be used here`,
		}},
		{"quotas: text", accounts + "quotas: off\n", nil, wants{
			"6: quotas: must be a mapping with the keys repositories, images_per_repository, tags_per_image, open_uploads, " +
				"layer_bytes, stored_bytes, replicated_bytes, requests_per_second",
		}},
		{"quotas: numbers", accounts + "quotas: {repositories: 0, images_per_repository: [1], tags_per_image: many, " +
			"open_uploads: \"5\"}\n", nil, wants{
			"6: quotas.repositories: not a quota; allowed: a whole number, at least 1, or none, without quotes",
			"6: quotas.images_per_repository: not a quota", "6: quotas.tags_per_image: not a quota",
			"6: quotas.open_uploads: not a quota"}},
		{"quotas: sizes", accounts + "quotas: {stored_bytes: 5GX, replicated_bytes: 9999999TiB}\n", nil, wants{
			"6: quotas.stored_bytes: not a size; allowed: a number of bytes", "6: quotas.replicated_bytes: not a size"}},
		{"quotas: rates", accounts + "quotas: {requests_per_second: {PutImage: -1, PutImages: 5}}\n", nil, wants{
			`6: quotas.requests_per_second: unknown key "PutImages"; did you mean PutImage?`,
			"6: quotas.requests_per_second.PutImage: not a quota"}},
		{"quotas: rates: text", accounts + "quotas: {requests_per_second: 5}\n", nil, wants{
			"6: quotas.requests_per_second: not a mapping; allowed: none, or a mapping",
		}},
		{"quotas of an account", accounts + "    quotas: {stored: 5}\n", nil, wants{
			`6: accounts[0].quotas: unknown key "stored"`,
		}},
		{"sweep: unknown key", accounts + "sweep: {every: 1h}\n", nil, wants{`6: sweep: unknown key "every"`}},
		{"proxies", accounts + "trusted_proxies:\n  - 10.0.0.0/99\n  - proxy.example\n  - 1\n", nil, wants{
			`7: trusted_proxies[0]: "10.0.0.0/99" is not valid; allowed: an address or a range`, "8: trusted_proxies[1]:",
			"9: trusted_proxies[2]: must be text"}},
		{"operators", accounts + "operators: [\"444455556666\"]\n", nil, wants{
			"6: operators: 444455556666 is no account of this configuration; allowed: the id of one that accounts lists"}},
		{"operators: not in quotes", accounts + "operators: [111122223333]\n", nil, wants{
			"6: operators[0]: must be text: put it in quotes"}},
		{"operators: all", accounts + "operators: all\n", nil, wants{"6: operators: must be a list"}},
		{"tls: text", accounts + "tls: yes\n", nil, wants{"6: tls: must be a mapping with the keys cert, key, acme"}},
		{"tls: empty", accounts + "tls: {}\n", nil, wants{"6: tls: set both cert and key"}},
		{"tls: no key", accounts + "tls: {cert: a.crt}\n", nil, wants{"6: tls.cert: needs the private key too: set tls.key"}},
		{"tls: no cert", accounts + "tls: {key: a.key}\n", nil, wants{"6: tls.key: needs the certificate too: set tls.cert"}},
		{"tls: unknown key", accounts + "tls: {crt: a}\n", nil, wants{`6: tls: unknown key "crt"; did you mean cert?`}},
		{"tls: no such file", accounts + "tls:\n  cert: none.crt\n  key: none.key\n", nil, wants{
			"7: tls.cert: cannot serve with this certificate",
		}},
		{"tls: wrong types", accounts + "tls:\n  cert: 1\n  key: []\n", nil, wants{
			"7: tls.cert: must be text", "8: tls.key: must be text",
		}},
		{"acme: text", accounts + "tls: {acme: yes}\n", nil, wants{
			"6: tls.acme: must be a mapping with the keys domains, email, directory, cache, ca",
		}},
		{"acme: empty", accounts + "tls: {acme: {}}\n", nil, wants{"6: tls.acme: needs the domains"}},
		{"acme: no domains", accounts + "tls: {acme: {email: a@b.example}}\n", nil, wants{"6: tls.acme: needs the domains"}},
		{"acme: files too", accounts + "tls:\n  cert: a.crt\n  key: a.key\n  acme: {domains: [a.example]}\n", nil,
			wants{"9: tls.acme: a certificate comes from files or by ACME"}},
		{"acme: unknown key", accounts + "tls: {acme: {domain: [a.example]}}\n", nil, wants{
			`6: tls.acme: unknown key "domain"; did you mean domains?`, "6: tls.acme: needs the domains",
		}},
		{"acme: domains", accounts + "tls:\n  acme:\n    domains:\n      - a.example\n      - A.example\n      - " +
			"localhost\n      - 127.0.0.1\n      - '*.a.example'\n      - a.example\n      - 1\n", nil, wants{
			`10: tls.acme.domains[1]: "A.example" is not valid; allowed: a DNS name with a dot`, "11: tls.acme.domains[2]:",
			"12: tls.acme.domains[3]:",
			"13: tls.acme.domains[4]: a wildcard cannot be had this way", "14: tls.acme.domains[5]: a.example is listed twice",
			"15: tls.acme.domains[6]: must be text"}},
		{"acme: too many domains", accounts + "tls: {acme: {domains: [" + strings.Repeat("a.example, ", 101) + "]}}\n", nil,
			wants{"6: tls.acme.domains: has 101 domains; at most 100"}},
		{"acme: no list", accounts + "tls: {acme: {domains: a.example}}\n", nil, wants{
			"6: tls.acme.domains: must be a list of at least one domain",
		}},
		{"acme: email", accounts + "tls: {acme: {domains: [a.example], email: me}}\n", nil, wants{
			`6: tls.acme.email: "me" is not valid; allowed: an address such as`,
		}},
		{"acme: directory", accounts + "tls: {acme: {domains: [a.example], directory: 'http://ca.example'}}\n", nil,
			wants{`6: tls.acme.directory: "http://ca.example" is not valid; allowed: an https:// URL`}},
		{"acme: no CA file", accounts + "tls: {acme: {domains: [a.example], ca: none.pem}}\n", nil, wants{
			"6: tls.acme.ca: cannot use DIR/none.pem: no such file",
		}},
		{"acme: no CA", accounts + "tls: {acme: {domains: [a.example], ca: short}}\n", nil, wants{
			"6: tls.acme.ca: cannot use DIR/short: it has no certificate",
		}},
		{"tls: not a certificate", accounts + "tls:\n  cert: short\n  key: short\n", nil, wants{"7: tls.cert: cannot serve"}},

		{"accounts: mapping", "accounts: {a: b}\n", nil, wants{"1: accounts: must be a list"}},
		{"accounts: empty", "accounts: []\n", nil, wants{"1: accounts: must be a list"}},
		{"organization", "accounts:\n  - {id: \"111122223333\", name: prod, organization: acme, access_keys: [{id: " +
			"AKIAPRODPRODPRODPROD, secret: " + prodSecret + "}]}\n", nil,
			wants{`2: accounts[0].organization: "acme" is not valid; allowed: o- and 10 to 32`}},
		{"accounts: text item", "accounts:\n  - prod\n", nil, wants{
			"2: accounts[0]: must be a mapping with the keys id, name, organization, access_keys",
		}},
		{"accounts: empty item", "accounts:\n  - {}\n", nil, wants{
			"2: accounts[0]: id is missing", "2: accounts[0]: name is missing", "2: accounts[0]: access_keys is missing",
		}},
		{"accounts: unknown key", accounts + "    nmae: x\n", nil, wants{
			`6: accounts[0]: unknown key "nmae"; did you mean name?`,
		}},
		{"account id: number", account("111122223333", "prod", "["+key+"]"), nil, wants{
			"2: accounts[0].id: must be text: put it in quotes; allowed: twelve digits in quotes",
		}},
		{"account id: short", account(`"1111"`, "prod", "["+key+"]"), nil, wants{
			"2: accounts[0].id: not valid; allowed: twelve digits",
		}},
		{"account id: letters", account("11112222333x", "prod", "["+key+"]"), nil, wants{"2: accounts[0].id: not valid"}},
		{"account id: repeated", second(`"111122223333"`, "dev", devKey), nil, wants{
			"6: accounts[1].id: 111122223333 is already taken by accounts[0].id",
		}},
		{"account name: space", account(`"111122223333"`, "a b", "["+key+"]"), nil, wants{"3: accounts[0].name: not valid"}},
		{"account name: long", account(`"111122223333"`, long, "["+key+"]"), nil, wants{"3: accounts[0].name: not valid"}},
		{"account name: number", account(`"111122223333"`, "12", "["+key+"]"), nil, wants{
			"3: accounts[0].name: must be text",
		}},
		{"account name: repeated", second(`"444455556666"`, "prod", devKey), nil, wants{
			"7: accounts[1].name: prod is already taken by accounts[0].name",
		}},
		{"access_keys: empty", one("[]"), nil, wants{
			"4: accounts[0].access_keys: must be a list of at least one access key",
		}},
		{"access_keys: text", one("[x]"), nil, wants{"4: accounts[0].access_keys[0]: must be a mapping"}},
		{"access_keys: empty item", one("[{}]"), nil, wants{
			"4: accounts[0].access_keys[0]: id is missing", "4: accounts[0].access_keys[0]: give exactly one of secret, " +
				"secret_env, secret_file (now: 0)",
		}},
		{"access key id: short", one("[{id: AKIA, secret: " + prodSecret + "}]"), nil, wants{
			"4: accounts[0].access_keys[0].id: not valid; allowed: 16 to 128",
		}},
		{"access key id: lower case", one("[{id: akiaprodprodprodprod, secret: " + prodSecret + "}]"), nil,
			wants{"4: accounts[0].access_keys[0].id: not valid"}},
		{"access key id: long", one("[{id: " + strings.Repeat("A", 129) + ", secret: " + prodSecret + "}]"), nil,
			wants{"4: accounts[0].access_keys[0].id: not valid"}},
		{"access key id: the secret", one("[{id: " + prodSecret + ", secret: " + prodSecret + "}]"), nil,
			wants{"4: accounts[0].access_keys[0].id: not valid"}},
		{"access key id: repeated", second(`"444455556666"`, "dev", prodKey), nil, wants{
			"8: accounts[1].access_keys[0].id: " + prodKey + " is already taken by accounts[0].access_keys[0].id",
		}},
		{"access key: unknown key", one("[{id: " + prodKey + ", secret_fiel: x}]"), nil, wants{
			`4: accounts[0].access_keys[0]: unknown key "secret_fiel"; did you mean secret_file?`,
			"4: accounts[0].access_keys[0]: give exactly one",
		}},
		{"access key: secret as a key", one("[{id: " + prodKey + ", " + prodSecret + "}]"), nil, wants{
			`4: accounts[0].access_keys[0]: unknown key`, "4: accounts[0].access_keys[0]: give exactly one",
		}},
		{"secret: two forms", one("[{id: " + prodKey + ", secret: " + prodSecret + ", secret_env: S}]"), nil,
			wants{"4: accounts[0].access_keys[0]: give exactly one of secret, secret_env, secret_file (now: 2)"}},
		{"secret: short", one("[{id: " + prodKey + ", secret: " + prodSecret[:31] + "}]"), nil, wants{
			"4: accounts[0].access_keys[0].secret: the secret has 31 bytes",
		}},
		{"secret: long", one("[{id: " + prodKey + ", secret: " + long + "}]"), nil, wants{
			"4: accounts[0].access_keys[0].secret: the secret has 300 bytes",
		}},
		{"secret: space", one("[{id: " + prodKey + `, secret: "prod secret-prod-secret-prod-secret-prod"}]`), nil,
			wants{"4: accounts[0].access_keys[0].secret: the secret has"}},
		{"secret: number", one("[{id: " + prodKey + ", secret: 12345678901234567890123456789012}]"), nil,
			wants{"4: accounts[0].access_keys[0].secret: must be text: put it in quotes"}},
		{"secret: like an alias", one("[{id: " + prodKey + ", secret: *" + prodSecret + "}]"), nil, wants{
			"not valid YAML: aliases (*name) are not allowed",
		}},
		{"secret: like an anchor", one("[{id: " + prodKey + ", secret: &" + prodSecret + "}]"), nil,
			wants{"4: YAML anchors"}},
		{"secret_env: not set", one("[{id: " + prodKey + ", secret_env: NOT_SET}]"), nil, wants{
			"4: accounts[0].access_keys[0].secret_env: the environment variable that it names is not set",
		}},
		{"secret_env: empty", one("[{id: " + prodKey + ", secret_env: S}]"), []string{"S="}, wants{
			"4: accounts[0].access_keys[0].secret_env: the environment variable",
		}},
		{"secret_env: short", one("[{id: " + prodKey + ", secret_env: S}]"), []string{"S=x"}, wants{
			"4: accounts[0].access_keys[0].secret_env: the secret has 1 bytes",
		}},
		{"secret_env: no name", one("[{id: " + prodKey + ", secret_env: " + prodSecret + "}]"), nil, wants{
			"4: accounts[0].access_keys[0].secret_env: not the name of a variable",
		}},
		{"secret_file: none", one("[{id: " + prodKey + ", secret_file: " + prodSecret + "}]"), nil, wants{
			"4: accounts[0].access_keys[0].secret_file: cannot read the file that it names (relative to DIR): no such file",
		}},
		{"secret_file: folder", one("[{id: " + prodKey + ", secret_file: .}]"), nil, wants{
			"4: accounts[0].access_keys[0].secret_file: cannot read the file that it names (relative to DIR): not a regular file",
		}},
		{"secret_file: short", one("[{id: " + prodKey + ", secret_file: short}]"), nil, wants{
			"4: accounts[0].access_keys[0].secret_file: the secret has 5 bytes",
		}},
		{"secret_file: huge", one("[{id: " + prodKey + ", secret_file: huge}]"), nil, wants{
			"4: accounts[0].access_keys[0].secret_file: cannot read the file that it names (relative to DIR): longer than 4096",
		}},

		{"deployment: text", accounts + "deployment: tokyo\n", nil, wants{
			"6: deployment: must be a mapping with the keys name, url, allow_plain",
		}},
		{"deployment: unknown key", accounts + "deployment: {nane: tokyo}\n", nil, wants{
			`6: deployment: unknown key "nane"; did you mean name?`,
		}},
		{"deployment: values", accounts + "deployment:\n  name: a b\n  url: registry.example\n  allow_plain: yes\n", nil,
			wants{
				`7: deployment.name: "a b" is not valid; allowed: 1 to 63 letters`,
				"8: deployment.url: not the URL of a deployment; allowed: https://",
				"9: deployment.allow_plain: not a boolean; allowed: true or false, without quotes"}},
		{"deployment: types", accounts + "deployment:\n  name: 1\n  url: [a]\n  allow_plain: {a: b}\n", nil, wants{
			"7: deployment.name: must be text", "8: deployment.url: must be text", "9: deployment.allow_plain: not a boolean",
		}},
		{"deployment.url: plain", deployedAt("http://registry.example"), nil, wants{
			"6: deployment.url: is not encrypted, and is not of this machine: use https://, or set deployment.allow_plain",
		}},
		{"deployment.url: path", deployedAt("https://registry.example/v2/"), nil, wants{
			"6: deployment.url: has a user, a path, a query or a fragment",
		}},
		{"deployment.url: query", deployedAt("https://registry.example?"), nil, wants{"6: deployment.url: has"}},
		{"deployment.url: user", deployedAt("https://a:" + prodSecret + "@registry.example"), nil, wants{
			"6: deployment.url: has a user",
		}},
		{"deployment.url: scheme", deployedAt("ftp://registry.example"), nil, wants{"6: deployment.url: not"}},
		{"deployment.url: port", deployedAt("https://registry.example:65536"), nil, wants{
			"6: deployment.url: not",
		}},
		{"deployment.url: no port", deployedAt("https://registry.example:"), nil, wants{
			"6: deployment.url: not",
		}},
		{"deployment.url: host", deployedAt("https://a_b"), nil, wants{"6: deployment.url: not"}},
		{"deployment.url: no host", deployedAt("https://:443"), nil, wants{"6: deployment.url: not"}},
		{"deployment.url: long", deployedAt("https://" + strings.Repeat("a", 2100)), nil, wants{
			"6: deployment.url: not",
		}},

		{"peers: text", accounts + "peers: oregon\n", nil, wants{
			"6: peers: must be a list of at least one peer with name, key, regions and serves",
		}},
		{"peers: text item", accounts + "peers: [oregon]\n", nil, wants{
			"6: peers[0]: must be a mapping with the keys name, url, outbound, key, regions, serves, accounts",
		}},
		{"peers: nobody reaches the other", accounts + "peers:\n  - {name: a, outbound: true, key: " + keyOf("a", 1) +
			`, regions: [eu-west-1], serves: ["777788889999"]}` + "\n", nil, wants{
			"7: peers[0].outbound: needs url", "7: peers[0]: has no url, and deployment.url is not set",
		}},
		{"peers: empty item", accounts + "peers: [{}]\n", nil, wants{
			"6: peers[0]: name is missing", "6: peers[0]: key is missing; allowed: the whole text of the key",
			"6: peers[0]: has no url", "6: peers[0]: regions is missing", "6: peers[0]: serves is missing",
		}},
		{"peers: too many", accounts + "peers: [" + strings.Repeat("{},", 257) + "]\n", nil, wants{
			"6: peers: has 257 peers; at most 256",
		}},
		{"peers: too many accounts", accounts + "peers:\n" + peer("a", "https://a.example", keyOf("a", 1),
			"regions: [eu-west-1], serves: ["+manyAccounts(20001)+"]"), nil, wants{
			"7: peers[0]: has more than 256 Regions, or a list of more than 20000 accounts",
		}},
		{"peers: values", oregon + "  - name: a b\n    url: http://a.example\n    key: " + keyOf("a", 1)[:70] +
			"\n    regions: [U]\n    serves: [111122223333]\n    accounts: prod\n", nil, wants{
			"8: peers[1].name: not valid; allowed: 1 to 63 letters", "9: peers[1].url: is not encrypted",
			"10: peers[1].key: not a key, or a part is missing or mistyped; allowed: the whole text of the key",
			`11: peers[1].regions[0]: "U" is not valid`,
			"12: peers[1].serves[0]: must be text: put it in quotes; allowed: twelve digits",
			"13: peers[1].accounts: not valid; allowed: all, or a list of accounts",
		}},
		{"peers: short key", oregon + peer("a", "https://[2001:db8::1]", "ed25519:AAAA", elsewhere), nil, wants{
			"8: peers[1].key: not a key",
		}},
		{"peers: repeated account", oregon + peer("a", "https://a.example", keyOf("a", 1),
			`regions: [eu-west-1], serves: ["111122223333"], accounts: ["111122223333", "1", "111122223333"]`), nil, wants{
			`8: peers[1].accounts[1]: "1" is not valid`, "8: peers[1].accounts[2]: account 111122223333 is listed twice",
		}},
		{"peers: one name, key and URL", oregon + peer("oregon", "https://OREGON.example", keyOf("oregon", 2), elsewhere), nil,
			wants{
				"8: peers[1].name: oregon is already taken by peers[0].name; each must be different",
				"8: peers[1].key: is of the same deployment as peers[0].key; each must be of another",
				"8: peers[1].url: is that of peers[0].url, too; each deployment has its own"}},
		{"peers: our own name and URL", oregon + peer("here", "https://here.example", keyOf("here", 1), elsewhere) +
			"deployment: {name: here, url: 'https://here.example'}\n", nil, wants{
			"8: peers[1].name: here is already taken by deployment.name",
			"8: peers[1].url: is that of deployment.url, too",
		}},
		{"peers: what we serve", oregon + peer("a", "https://a.example", keyOf("a", 1),
			`regions: [us-west-2, eu-west-1, us-east-1], serves: ["444455556666", "111122223333"]`), nil, wants{
			"8: peers[1]: serves the accounts 111122223333 in the Regions us-west-2, us-east-1, which this deployment serves " +
				"too: no two deployments may serve one account in one Region",
			"8: peers[1]: serves the accounts 444455556666 in the Regions us-west-2, us-east-1, which peers[0] serves too",
		}},
		{"peers: what another serves", oregon + peer("a", "https://a.example", keyOf("a", 1),
			"regions: [us-east-1], serves: ["+manyAccounts(7)+`, "777788889999"]`) + peer("b", "https://b.example", keyOf("b", 1),
			"regions: [us-east-1], serves: ["+manyAccounts(7)+"]"), nil, wants{
			"8: peers[1]: serves the accounts 777788889999 in the Regions us-east-1, which peers[0] serves too",
			"9: peers[2]: serves the accounts 900000000000, 900000000001, 900000000002, 900000000003, 900000000004 and 2 more " +
				"in the Regions us-east-1, which peers[1] serves too",
		}},

		{"TWINPORT_DEPLOYMENT_NAME", accounts, []string{"TWINPORT_DEPLOYMENT_NAME=a b"}, wants{
			`TWINPORT_DEPLOYMENT_NAME: deployment.name: "a b" is not valid`,
		}},
		{"TWINPORT_DEPLOYMENT_URL", accounts, []string{"TWINPORT_DEPLOYMENT_URL=a.example"}, wants{
			"TWINPORT_DEPLOYMENT_URL: deployment.url: not the URL",
		}},
		{"TWINPORT_DEPLOYMENT_ALLOW_PLAIN", accounts, []string{"TWINPORT_DEPLOYMENT_ALLOW_PLAIN=maybe"}, wants{
			"TWINPORT_DEPLOYMENT_ALLOW_PLAIN: deployment.allow_plain: not a boolean",
		}},
		{"TWINPORT_PEERS", oregon, []string{"TWINPORT_PEERS=[\n{name: a, url: 1}]"}, wants{
			"TWINPORT_PEERS:2: peers[0]: key is missing", "TWINPORT_PEERS:2: peers[0].url: must be text",
			"TWINPORT_PEERS:2: peers[0]: regions is missing", "TWINPORT_PEERS:2: peers[0]: serves is missing",
		}},
		{"TWINPORT_PEERS not YAML", oregon, []string{"TWINPORT_PEERS=["}, wants{"TWINPORT_PEERS:1: not valid YAML"}},

		{"TWINPORT_LISTEN", accounts, []string{"TWINPORT_LISTEN=8080"}, wants{
			`TWINPORT_LISTEN: listen: "8080" is not an address`,
		}},
		{"TWINPORT_DOMAIN", accounts, []string{"TWINPORT_DOMAIN=UP"}, wants{`TWINPORT_DOMAIN: domain: "UP" is not valid`}},
		{"TWINPORT_PUBLIC_PORT", accounts, []string{"TWINPORT_PUBLIC_PORT=x"}, wants{
			"TWINPORT_PUBLIC_PORT: public_port: not a port",
		}},
		{"TWINPORT_DATA", accounts, []string{
			"TWINPORT_DATA=" + strings.Repeat("a", 5000),
		}, wants{"TWINPORT_DATA: data: not a path"}},
		{"TWINPORT_REGIONS", accounts, []string{
			"TWINPORT_REGIONS=us-east-1,,UP",
		}, wants{"TWINPORT_REGIONS: regions[1]: has no value", `TWINPORT_REGIONS: regions[2]: "UP"`}},
		{"TWINPORT_TLS_CERT", accounts, []string{"TWINPORT_TLS_CERT=a.crt"}, wants{
			"TWINPORT_TLS_CERT: tls.cert: needs the private key",
		}},
		{"TWINPORT_TLS_KEY", accounts, []string{"TWINPORT_TLS_KEY=a.key"}, wants{
			"TWINPORT_TLS_KEY: tls.key: needs the certificate",
		}},
		{"TWINPORT_TLS_ACME_DOMAINS", accounts, []string{
			"TWINPORT_TLS_ACME_DOMAINS=a.example,,B",
		}, wants{
			"TWINPORT_TLS_ACME_DOMAINS: tls.acme.domains[1]: has no value",
			`TWINPORT_TLS_ACME_DOMAINS: tls.acme.domains[2]: "B" is not valid`,
		}},
		{"TWINPORT_TLS_ACME_EMAIL", accounts, []string{
			"TWINPORT_TLS_ACME_EMAIL=a@b.example",
		}, wants{"TWINPORT_TLS_ACME_EMAIL: tls.acme.email: needs the domains"}},
		{"TWINPORT_ACCOUNTS", accounts, []string{"TWINPORT_ACCOUNTS=[\n{id: 1, name: dev, access_keys: []}]"},
			wants{
				"TWINPORT_ACCOUNTS:2: accounts[0].id: must be text", "TWINPORT_ACCOUNTS:2: accounts[0].access_keys: must be a list",
			}},
		{"TWINPORT_ACCOUNTS not YAML", accounts, []string{"TWINPORT_ACCOUNTS=["}, wants{
			"TWINPORT_ACCOUNTS:1: not valid YAML",
		}},
		{"TWINPORT_ACCOUNTS with nothing", accounts, []string{"TWINPORT_ACCOUNTS=null"}, wants{"0: accounts: none is given"}},
		{"unknown variable", accounts, []string{"TWINPORT_REGION=us-east-1"}, wants{
			"TWINPORT_REGION: unknown variable; did you mean TWINPORT_REGIONS? (allowed: TWINPORT_ACCOUNTS, ",
		}},
		{"unknown variable, nothing near", accounts, []string{
			"TWINPORT_COLOUR=" + prodSecret,
		}, wants{"TWINPORT_COLOUR: unknown variable (allowed: TWINPORT_ACCOUNTS, "}},
		{"everything at once, sorted", "public_port: 0\nregions: [U]\nlisten: x\n" + second(`"1"`, "b c", prodKey),
			[]string{"TWINPORT_DOMAIN=U", "TWINPORT_A=b"}, wants{
				"1: public_port", "2: regions[0]", "3: listen", "9: accounts[1].id", "10: accounts[1].name",
				"11: accounts[1].access_keys[0].id",
				"TWINPORT_A: unknown", "TWINPORT_DOMAIN: domain"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := write(t, map[string]string{"twinport.yaml": test.yaml, "short": "short", "huge": strings.Repeat("x", 5000)})
			path := filepath.Join(dir, "twinport.yaml")
			got, err := config.Load(path, test.environ)
			var e *config.Error
			if !errors.As(err, &e) {
				t.Fatalf("configuration %+v, error %v; want an *Error", got, err)
			}
			for _, secret := range []string{prodSecret, devSecret, prodSecret[:12], devSecret[:12]} {
				if strings.Contains(err.Error(), secret) && !strings.Contains(test.name, "secret as a key") ||
					strings.Contains(err.Error(), prodSecret) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
			if len(e.Problems) != len(test.want) {
				t.Fatalf("%d problems, want %d: %v", len(e.Problems), len(test.want), err)
			}
			for i, want := range test.want {
				problem := e.Problems[i]
				text := fmt.Sprintf("%d: %s", problem.Line, problem.Message)
				if problem.Source != path {
					text = problem.String()
					if problem.Source == "" {
						text = "0: " + problem.Message
					}
				}
				want = strings.ReplaceAll(want, "DIR", dir)
				if !strings.HasPrefix(text, want) && !strings.Contains(test.name, "like an alias") ||
					!strings.Contains(text, want) {
					t.Errorf("problem %q, want %q", text, want)
				}
			}
		})
	}
}

func TestLoadACME(t *testing.T) {
	dir := write(t, map[string]string{
		"twinport.yaml": accounts + "data: store\ntls: {acme: {domains: [a.example, b.example]}}\n",
	})
	writePair(t, dir, "ca")
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	fromFile := config.ACME{
		Domains: []string{"a.example", "b.example"}, Directory: "https://acme-v02.api.letsencrypt.org/directory",
		Cache: filepath.Join(dir, "store", "acme"),
	}
	for name, test := range map[string]struct {
		environ []string
		want    config.ACME
	}{
		"file": {nil, fromFile},
		"variables": {[]string{
			"TWINPORT_TLS_ACME_DOMAINS=c.example, d.example", "TWINPORT_TLS_ACME_EMAIL=me@c.example",
			"TWINPORT_TLS_ACME_DIRECTORY=https://ca.example/dir",
			"TWINPORT_TLS_ACME_CACHE=/cache", "TWINPORT_TLS_ACME_CA=" + filepath.Join(dir, "ca.crt"),
		}, config.ACME{
			Domains: []string{"c.example", "d.example"}, Email: "me@c.example", Directory: "https://ca.example/dir",
			Cache: "/cache", CA: ca,
		}},
	} {
		got, err := config.Load(filepath.Join(dir, "twinport.yaml"), test.environ)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(config.TLS{ACME: test.want}, got.TLS); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestLoadTLSPairThatDoesNotFit(t *testing.T) {
	dir := write(t, map[string]string{"twinport.yaml": accounts + "tls: {cert: a.crt, key: b.key}\n"})
	writePair(t, dir, "a")
	writePair(t, dir, "b")
	_, err := config.Load(filepath.Join(dir, "twinport.yaml"), nil)
	if err == nil || !strings.Contains(err.Error(), "twinport.yaml:6: tls.cert: cannot serve with this certificate") {
		t.Errorf("error %v", err)
	}
}

func TestLoadNoFile(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "none.yaml"), nil)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if _, err := config.Load(t.TempDir(), nil); err == nil {
		t.Error("a folder was read as a configuration")
	}
}

func TestProblemsAreBounded(t *testing.T) {
	dir := write(t, map[string]string{"twinport.yaml": strings.Repeat("x: 1\n", 10_000)})
	_, err := config.Load(filepath.Join(dir, "twinport.yaml"), nil)
	var e *config.Error
	if !errors.As(err, &e) || len(e.Problems) != 100 {
		t.Errorf("%d problems", len(e.Problems))
	}
}

func TestAuthAccounts(t *testing.T) {
	directory, err := auth.NewDirectory(config.Config{Accounts: []config.Account{prod, dev}}.AuthAccounts())
	if err != nil {
		t.Fatal(err)
	}
	key, err := directory.AccessKey(t.Context(), devKey)
	if err != nil || key.Secret != devSecret ||
		key.Principal.Account != dev.ID || key.Principal.ARN != "arn:aws:iam::444455556666:root" {
		t.Errorf("key %v of %+v", key, key.Principal)
	}
	if account, ok := directory.Account(prod.ID); !ok || account.Name != "prod" {
		t.Errorf("account %+v", account)
	}
}

func TestAccessKeyShowsNoSecret(t *testing.T) {
	c := config.Config{Accounts: []config.Account{prod}}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "config", c, "key", prod.AccessKeys[0])
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", prod.AccessKeys[0])
	if encoded, err := json.Marshal(c); err != nil || strings.Contains(string(encoded), prodSecret) {
		t.Errorf("JSON %s, %v", encoded, err)
	}
	out := log.String() + fmt.Sprintf("%v %+v %#v", c, c, c)
	if strings.Contains(out, prodSecret) || !strings.Contains(out, prodKey) {
		t.Errorf("the log is %s", out)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(accounts, accountsJSON)
	f.Add("listen: [", "[")
	f.Add(accounts+"peers: [{name: a, url: 'https://a', key: "+keyOf("a", 1)+", regions: [b1], serves: ['444455556666']}]\n",
		"")
	f.Add("tls: {cert: a, key: b}\nregions: [a, b, a]\n", "null")
	f.Add("a: &a [*a]\n--- x\n", "&a [*a]")
	f.Add("? {a: b}\n: c\n<<: {}\n", "- !!binary x\n- !x {id: 1}")
	f.Fuzz(func(t *testing.T, file, variable string) {
		path := filepath.Join(t.TempDir(), "twinport.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path, []string{"TWINPORT_ACCOUNTS=" + variable})
		var e *config.Error
		if err != nil {
			if !errors.As(err, &e) || len(e.Problems) == 0 || len(e.Problems) > 100 {
				t.Errorf("error %v", err)
			}
			return
		}
		if _, err := auth.NewDirectory(c.AuthAccounts()); err != nil || len(c.Accounts) == 0 || len(c.Regions) == 0 {
			t.Errorf("accepted %+v: %v", c, err)
		}
	})
}

// A database's URL holds a password.
func TestURLHidesItsPassword(t *testing.T) {
	u := config.URL("postgres://user:very-secret@host/db?sslmode=require")
	text, err := u.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{
		string(text), u.String(), fmt.Sprint(u), fmt.Sprintf("%+v %#v %q", u, u, u),
		fmt.Sprintf("%v", config.Config{Database: u}),
	} {
		if strings.Contains(shown, "very-secret") || !strings.Contains(shown, "host/db") {
			t.Errorf("shown as %s", shown)
		}
	}
}
