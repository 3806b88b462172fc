package cli

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/test/servers"
)

// peerDeployment is a deployment that serves one account in one Region.
type peerDeployment struct {
	t            *testing.T
	name, config string
	url          string
	stop         func() // waits until the server has stopped
}

// newPeerDeployment starts one. Its configuration ends with more.
func newPeerDeployment(t *testing.T, name, account, region, more string) *peerDeployment {
	t.Helper()
	dir := t.TempDir()
	address := freeAddress(t)
	d := &peerDeployment{t: t, name: name, config: filepath.Join(dir, "twinport.yaml"), url: "http://" + address}
	text := fmt.Sprintf("listen: %s\nregions: [%s]\ndeployment: {name: %s, url: %q}\naccounts:\n  - {id: %q, name: %s, "+
		"access_keys: [{id: AKIAPEERPEERPEERPEER, secret: %q}]}\n%s", address, region, name, d.url, account, name,
		strings.Repeat("secret", 6), more)
	if err := os.WriteFile(d.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d.start()
	t.Cleanup(func() { d.stop() })
	return d
}

func (d *peerDeployment) start() {
	d.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var stdout, stderr buffer
	ended := make(chan error, 1)
	go func() { ended <- serveCommand{Config: d.config}.Run(ctx, output{&stdout, &stderr}) }()
	d.stop = func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				d.t.Errorf("%s: %v\n%s", d.name, err, &stderr)
			}
			ended <- nil // for who stops it again
		case <-time.After(patience):
			d.t.Errorf("%s does not stop", d.name)
		}
	}
	stdout.await(d.t, "Ctrl-C stops the server")
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(end) {
			d.t.Fatal(err)
		}
	}
}

// peer runs a command, which ends with the code, and returns what it printed.
func (d *peerDeployment) peer(code int, args ...string) (stdout, stderr string) {
	d.t.Helper()
	var out, problems bytes.Buffer
	args = append([]string{"peer", args[0], "--config", d.config}, args[1:]...)
	if got := Run(args, &out, &problems); got != code {
		d.t.Fatalf("%s: twinport %s: exit code %d, want %d; stdout:\n%s\nstderr:\n%s", d.name, strings.Join(args, " "),
			got, code, &out, &problems)
	}
	return out.String(), problems.String()
}

// wantPeer runs a command that ends well and prints what the regular expression matches.
func (d *peerDeployment) wantPeer(want string, args ...string) {
	d.t.Helper()
	stdout, _ := d.peer(exitOK, args...)
	d.wantMatch(want, stdout, args)
}

// wantRefused runs a command that prints one line to the standard error.
func (d *peerDeployment) wantRefused(want string, args ...string) {
	d.t.Helper()
	stdout, stderr := d.peer(exitFailed, args...)
	if stdout != "" || strings.Count(stderr, "\n") != 1 {
		d.t.Errorf("%s: %q prints\n%s\nand to stderr\n%s", d.name, args, stdout, stderr)
	}
	d.wantMatch(`^twinport: `+want, stderr, args)
}

func (d *peerDeployment) wantMatch(want, got string, args []string) {
	d.t.Helper()
	if !regexp.MustCompile(want).MatchString(got) {
		d.t.Errorf("%s: %q prints\n%s\nwhich does not match %s", d.name, args, got, want)
	}
}

// wantList waits until the list has what the regular expression matches.
func (d *peerDeployment) wantList(want string) {
	d.t.Helper()
	var got string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got, _ = d.peer(exitOK, "list"); regexp.MustCompile(want).MatchString(got) {
			return
		}
	}
	d.t.Errorf("%s lists\n%s\nwhich does not match %s", d.name, got, want)
}

// invite returns a code.
func (d *peerDeployment) invite(args ...string) string {
	d.t.Helper()
	stdout, _ := d.peer(exitOK, append([]string{"invite"}, args...)...)
	code, rest, _ := strings.Cut(stdout, "\n")
	if code == "" || strings.ContainsAny(code, " \t") || rest != "" {
		d.t.Fatalf("%s: the code is %q", d.name, stdout)
	}
	return code
}

const (
	tokyoAccount  = "111122223333"
	oregonAccount = "444455556666"
)

// TestPeers has deployments become peers, and cease to be.
func TestPeers(t *testing.T) {
	inEmptyFolder(t)
	tokyo := newPeerDeployment(t, "tokyo", tokyoAccount, "ap-northeast-1", "")
	oregon := newPeerDeployment(t, "oregon", oregonAccount, "us-west-2", "")
	osaka := newPeerDeployment(t, "osaka", tokyoAccount, "osaka-dc1", "")
	tokyo.wantPeer(`^There are no peers\. .*twinport peer invite`, "list")
	tokyo.wantPeer(`^There are no peers`, "check")

	code, advice := tokyo.peer(exitOK, "invite")
	code = strings.TrimSpace(code)
	tokyo.wantMatch(`^\nThe code is good once, for an hour: until 20[^\0]*`+
		`twinport peer join CODE --accounts ID,\.\.\.\n[^\0]*`+
		`may not replicate anything here\.\n[^\0]*twinport peer grant NAME --accounts ID,\.\.\. --config `, advice, nil)
	mistyped := `the code is not valid: a part is missing, or a character is wrong`
	another := "A"
	if code[30:31] == another {
		another = "B"
	}
	oregon.wantRefused(mistyped, "join", code[:30]+another+code[31:])
	oregon.wantRefused(mistyped, "join", code[:len(code)-4])
	oregon.wantRefused(`the code is not valid: it begins otherwise`, "join", "code")
	tokyo.wantRefused(`the deployment tokyo has made the code itself`, "join", code)
	oregon.wantRefused(`--accounts: "1" is not valid: name accounts, of twelve digits`, "join", code, "--accounts", "1")

	joined := `^Joined tokyo, which serves the accounts 111122223333 in the Regions ap-northeast-1\.\n` +
		`It may send here: 111122223333; we may send there: none\. The policies .*\n` +
		`To change what oregon may send there, run there\n  twinport peer grant oregon --accounts ID,\.\.\.\n$`
	oregon.wantPeer(joined, "join", code, "--accounts", tokyoAccount)
	oregon.wantPeer(joined, "join", code) // as after an answer that was lost
	osaka.wantRefused(`the code was used before`, "join", code)
	row := func(name, url, regions, here, there, state string) string {
		return strings.Join([]string{`(?m)^` + name, url, regions, here, there, state, `\d+\.\d ms`, `\S+$`}, ` +`)
	}
	const reachable = `reachable since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d`
	oregon.wantList(row("tokyo", tokyo.url, "ap-northeast-1", tokyoAccount, "none", reachable))
	tokyo.wantList(row("oregon", oregon.url, "us-west-2", "none", tokyoAccount, reachable))

	tokyo.wantPeer(`^oregon may replicate here for all accounts that it serves`, "grant", "oregon", "--accounts", "all")
	tokyo.wantList(row("oregon", oregon.url, "us-west-2", "all", tokyoAccount, reachable))
	oregon.wantPeer(`; may send here: `+tokyoAccount+`; we may send there: all\.\n$`, "check")
	tokyo.wantPeer(`^oregon may not replicate anything here\.\n[^\0]*twinport peer grant oregon --accounts ID,`, "grant",
		"oregon", "--accounts=none")
	_, stderr := tokyo.peer(exitOK, "grant", "oregon", "--accounts", oregonAccount+","+tokyoAccount)
	tokyo.wantMatch(`^twinport: oregon does not serve 111122223333, .*; it serves 444455556666\n$`, stderr, nil)
	tokyo.wantRefused(`--accounts: "all" is not valid`, "grant", "oregon", "--accounts", "all,"+oregonAccount)
	for _, command := range [][]string{
		{"grant", "nowhere", "--accounts", "all"}, {"remove", "nowhere"}, {"check", "nowhere"},
	} {
		tokyo.wantRefused(`there is no peer "nowhere"`, command...)
	}
	for _, command := range [][]string{{"join"}, {"grant", "oregon"}, {"remove"}, {"invite", "now"}, {"list", "--long"}} {
		tokyo.peer(exitUsage, command...)
	}

	const well = ` round trip \d+\.\d ms, clock as this one, version \S+ \(here \S+\), protocol 1; may send here: .*\.\n`
	tokyo.wantPeer(`^oregon: reachable at `+oregon.url+`,`+well+`$`, "check", "oregon")
	oregon.wantPeer(`^tokyo: reachable at `+tokyo.url+`,`+well+`$`, "check")
	tokyo.wantPeer(`^Made key 2 of tokyo\.\noregon has confirmed it\.\n$`, "rotate-key")
	tokyo.wantPeer(`^oregon: reachable`, "check")
	oregon.stop()
	tokyo.wantPeer(`^Made key 3 of tokyo\.\n`+
		`oregon has not confirmed it yet, and gets what key 2 has signed until it does\. .+\n$`, "rotate-key")
	stdout, stderr := tokyo.peer(exitFailed, "check")
	tokyo.wantMatch(`^oregon: Unreachable\. .+\n$`, stdout, nil)
	tokyo.wantMatch(`^$`, stderr, nil)
	oregon.wantRefused(`no server runs on .*: start it \(twinport serve --config .*\)`, "list")
	oregon.start()
	tokyo.wantList(row("oregon", oregon.url, "us-west-2", tokyoAccount+", "+oregonAccount, tokyoAccount,
		reachable))

	tokyo.wantPeer(`^Removed oregon: .*\n  twinport peer remove tokyo\n$`, "remove", "oregon")
	tokyo.wantPeer(`^There are no peers`, "list")
	stdout, _ = oregon.peer(exitFailed, "check", "tokyo")
	oregon.wantMatch(`^tokyo: NotAPeer\. .+\n$`, stdout, nil)
	oregon.wantList(`(?m)^tokyo .* NotAPeer since`)
	oregon.wantPeer(`^Removed tokyo`, "remove", "tokyo")
	oregon.wantPeer(`^Joined tokyo`, "join", tokyo.invite("--accounts", "all"))
	tokyo.wantList(row("oregon", oregon.url, "us-west-2", "all", "none", reachable))
}

// TestPeersByTunnel has a deployment join that the other one is not to call at its URL, and one of the configuration.
func TestPeersByTunnel(t *testing.T) {
	inEmptyFolder(t)
	tokyo := newPeerDeployment(t, "tokyo", tokyoAccount, "ap-northeast-1", "")
	oregon := newPeerDeployment(t, "oregon", oregonAccount, "us-west-2", "")
	oregon.wantPeer(`(?m)^Joined tokyo, (.*\n)+This deployment dials tunnels to it, through which tokyo reaches it\.\n`,
		"join", "--outbound", tokyo.invite())
	tokyo.wantList(`(?m)^oregon +by tunnel +us-west-2 +none +none +reachable since`)
	tokyo.wantPeer(`^oregon: reachable by tunnel, round trip`, "check")
	oregon.wantList(`(?m)^tokyo +` + tokyo.url + ` .* reachable since`)
	oregon.stop()
	tokyo.wantList(`(?m)^oregon +by tunnel .* Unreachable since`)
	stdout, _ := tokyo.peer(exitFailed, "check")
	tokyo.wantMatch(`^oregon: Unreachable\. The peer oregon has no URL .* no tunnel to this process`, stdout, nil)

	tokyo.peer(exitOK, "remove", "oregon")
	oregon.start()
	oregon.wantList(`(?m)^tokyo .* NotAPeer since`)
	oregon.peer(exitOK, "remove", "tokyo")
	identity, _ := oregon.peer(exitOK, "identity")
	identity = regexp.MustCompile(`(?m)^    url: .*\n`).ReplaceAllString(identity, "")
	tokyo.configure(peersFrom(t, identity))
	identity, _ = tokyo.peer(exitOK, "identity")
	oregon.configure(peersFrom(t, identity) + "    outbound: true\n")
	tokyo.wantList(`(?m)^oregon +by tunnel +us-west-2 +none +none +reachable since`)
	oregon.wantList(`(?m)^tokyo +` + tokyo.url + ` .* reachable since`)
}

// configure starts the deployment again with more of a configuration.
func (d *peerDeployment) configure(more string) {
	d.t.Helper()
	d.stop()
	text, err := os.ReadFile(d.config)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(d.config, append(text, more...), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.start()
}

// TestPeersThatConflict finds that nothing is stored of a deployment that serves the same, or has the same name.
func TestPeersThatConflict(t *testing.T) {
	inEmptyFolder(t)
	tokyo := newPeerDeployment(t, "tokyo", tokyoAccount, "ap-northeast-1", "")
	same := newPeerDeployment(t, "same", tokyoAccount, "ap-northeast-1", "")
	namesake := newPeerDeployment(t, "tokyo", oregonAccount, "us-west-2", "")
	code := tokyo.invite()
	same.wantRefused(`the deployment same serves 111122223333/ap-northeast-1, and so does the deployment tokyo`, "join",
		code)
	namesake.wantRefused(`both deployments have the name tokyo`, "join", code)
	for _, d := range []*peerDeployment{tokyo, same, namesake} {
		d.wantPeer(`^There are no peers`, "list")
	}
}

// TestPeersOfTheConfiguration configures each of two with what the other one shows of itself.
func TestPeersOfTheConfiguration(t *testing.T) {
	inEmptyFolder(t)
	tokyo := newPeerDeployment(t, "tokyo", tokyoAccount, "ap-northeast-1", "")
	identity, _ := tokyo.peer(exitOK, "identity")
	shown := regexp.MustCompile(`^name: tokyo\nid:   (\S+)\nURL:  ` + tokyo.url + `\nkey:  (\S+)\n`)
	m := shown.FindStringSubmatch(identity)
	if m == nil {
		t.Fatalf("the identity is\n%s", identity)
	}
	if id, key, err := peer.ParseIdentity(m[2]); err != nil || id != m[1] || key.Number != 1 {
		t.Errorf("the key is that of %s, number %d (%v)", id, key.Number, err)
	}
	oregon := newPeerDeployment(t, "oregon", oregonAccount, "us-west-2", peersFrom(t, identity)+"    accounts: all\n")
	identity, _ = oregon.peer(exitOK, "identity")
	tokyo.configure(peersFrom(t, identity))
	tokyo.wantList(`(?m)^oregon .* us-west-2 +none +all +reachable`)
	oregon.wantList(`(?m)^tokyo .* ap-northeast-1 +all +none +reachable`)
	oregon.wantRefused(`the configuration has the peer tokyo: change it there`, "grant", "tokyo", "--accounts", "none")
	oregon.wantRefused(`the configuration has the peer tokyo: change it there`, "remove", "tokyo")
}

// peersFrom is what twinport peer identity offers for a configuration.
func peersFrom(t *testing.T, identity string) string {
	t.Helper()
	_, entry, found := strings.Cut(identity, "configuration of another deployment:\n\n")
	if !found {
		t.Fatalf("there is nothing for a configuration in\n%s", identity)
	}
	return "peers:\n" + entry
}

// TestPeersOnPostgres needs no server for what is in the database, and servers learn of it.
func TestPeersOnPostgres(t *testing.T) {
	inEmptyFolder(t)
	database := servers.Postgres(t)
	tokyo := newPeerDeployment(t, "tokyo", tokyoAccount, "ap-northeast-1", "database: "+database+"\n")
	oregon := newPeerDeployment(t, "oregon", oregonAccount, "us-west-2", "")
	oregon.wantPeer(`^Joined tokyo`, "join", tokyo.invite("--accounts", "all"))
	tokyo.wantList(`(?m)^oregon .* all +none +reachable`)
	oregon.wantList(`(?m)^tokyo .* none +all +reachable`)
	tokyo.wantPeer(`^oregon: reachable at `, "check")
	for key := range 3 { // the server, which has not made the keys, signs with them at once
		tokyo.wantPeer(fmt.Sprintf(`^Made key %d of tokyo\.\noregon has confirmed it\.\n$`, key+2), "rotate-key")
		oregon.wantPeer(`^tokyo: reachable at `, "check")
	}
	tokyo.wantPeer(`^Made key 5 `, "rotate-key")
	tokyo.wantPeer(`^Removed oregon`, "remove", "oregon")
	stdout, _ := oregon.peer(exitFailed, "check")
	oregon.wantMatch(`^tokyo: NotAPeer`, stdout, nil)
	oregon.wantPeer(`^Removed tokyo`, "remove", "tokyo")
	tokyo.stop()
	tokyo.wantPeer(`^There are no peers`, "list")

	// A command whose configuration has other peers than the server's leaves those that there are.
	older, newer := tokyo.config, tokyo.config+".newer"
	text, err := os.ReadFile(older)
	if err != nil {
		t.Fatal(err)
	}
	identity, _ := oregon.peer(exitOK, "identity")
	if err := os.WriteFile(newer, append(text, peersFrom(t, identity)...), 0o600); err != nil {
		t.Fatal(err)
	}
	tokyo.config = newer
	tokyo.start()
	for _, tokyo.config = range []string{older, newer} {
		tokyo.wantPeer(`(?m)^oregon `, "list")
	}
}
