package awsapi_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/awsapi"
	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/peerapi"
	"github.com/twinport/twinport/internal/resource"
)

// openPeers opens the peers of a deployment that serves one registry, and serves
// what they ask on loopback.
func openPeers(t *testing.T, name string, id resource.Registry) *peer.Directory {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	domain := openDomain(t)
	quiet := slog.New(slog.DiscardHandler)
	d, err := peer.Open(t.Context(), peer.Config{
		Store: domain.meta, Name: name, URL: server.URL, Regions: []string{id.Region}, Accounts: []string{id.Account},
		Version: "v1", Log: quiet, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	domain.UsePeers(d)
	handler = peerapi.New(peerapi.Config{
		Peers: d, Replication: domain.replicator, Limits: budget.NewLimits(850<<20, 2, quiet), Logger: quiet,
	})
	return d
}

// newOperatedAPI is the API of tokyo, which these accounts may operate.
func newOperatedAPI(t *testing.T, operators ...string) (*api, *peer.Directory) {
	t.Helper()
	tokyo := openPeers(t, "tokyo", here)
	return newAPI(t, func(c *awsapi.Config) {
		c.Replication.UsePeers(tokyo)
		c.Peers, c.Operators = tokyo, operators
	}), tokyo
}

// TestOnlyOperatorsOperate refuses everyone else, whatever they send.
func TestOnlyOperatorsOperate(t *testing.T) {
	t.Parallel()
	refused, tokyo := newOperatedAPI(t, other)
	operated, _ := newOperatedAPI(t, other, account)
	code, _, err := openPeers(t, "oregon", there).Invite(t.Context(), peer.Grant{})
	if err != nil {
		t.Fatal(err)
	}
	_, cookie := refused.signIn(t)
	_, operators := operated.signIn(t)
	for operation, body := range map[string]string{
		"CheckPeers": `{}`, "DescribePeers": `{}`, "GrantPeer": `{"peerName":"x","grant":{}}`,
		"InvitePeer": `{"grant":{"allAccounts":true}}`, "JoinPeer": `{"invitationCode":"` + code + `"}`,
		"RemovePeer": `{"peerName":"x"}`, "RotatePeerKey": `{}`,
	} {
		for _, body := range []string{body, `{"x":1}`, ``} {
			_, signed := refused.own(t, operation, body, nil)
			_, bySession := refused.withCookie(t, cookie, ownTarget+operation, body)
			for _, answer := range []string{signed, bySession} {
				if !strings.Contains(answer, `"__type":"AccessDeniedException"`) || !strings.Contains(answer, "twinport:"+
					operation+": only the root of an account that operators lists in the configuration of the deployment is") {
					t.Errorf("%s %s of who is no operator: %s", operation, body, answer)
				}
			}
		}
		// Pages of other sites reach an operator's session no more than others.
		res, text := operated.withCookie(t, operators, ownTarget+operation, body, "Sec-Fetch-Site", "cross-site")
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s of another site: %s %s", operation, res.Status, text)
		}
		res, text = operated.withCookie(t, operators, ownTarget+operation, body, "X-Twinport-Registry", "")
		if !strings.Contains(text, "MissingAuthenticationTokenException") {
			t.Errorf("%s without a registry: %s %s", operation, res.Status, text)
		}
	}
	if peers, keys := tokyo.Peers(), tokyo.Self().Keys; len(peers) != 0 || len(keys) != 1 {
		t.Errorf("there are %d peers and %d keys", len(peers), len(keys))
	}
	for a, want := range map[*api]string{refused: `"operator":false`, operated: `"operator":true`} {
		if _, text := a.own(t, "DescribeDeployment", "{}", nil); !strings.Contains(text, want) {
			t.Errorf("%s, want %s", text, want)
		}
	}
}

// peerAnswer is what operators get of peers.
type peerAnswer struct {
	Peer  peerDetail
	Peers []peerDetail
}

type peerDetail struct {
	Name, Source, Status string
	Accounts             []string
	Grant, GrantThere    struct {
		AllAccounts bool
		Accounts    []string
	}
	Answered  bool
	KeyNumber int64
}

func TestOperatePeers(t *testing.T) {
	t.Parallel()
	a, _ := newOperatedAPI(t, account)
	oregon := openPeers(t, "oregon", there)
	var invited struct {
		InvitationCode string
		ExpiresAt      float64
	}
	res, _ := a.own(t, "InvitePeer", `{"grant":{"accounts":["`+other+`"]}}`, &invited)
	if left := invited.ExpiresAt - float64(time.Now().Unix()); left < 3500 || left > 3600 ||
		res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%+v, %v", invited, res.Header)
	}
	if _, err := oregon.Join(t.Context(), invited.InvitationCode, peer.Grant{}); err != nil {
		t.Fatal(err)
	}
	_, cookie := a.signIn(t)
	var described peerAnswer
	_, text := a.withCookie(t, cookie, ownTarget+"DescribePeers", "{}")
	if err := json.Unmarshal([]byte(text), &described); err != nil || len(described.Peers) != 1 {
		t.Fatalf("%s, %v", text, err)
	}
	p := described.Peers[0]
	if p.Name != "oregon" || p.Source != "JOINED" || p.Accounts[0] != other || p.Grant.Accounts[0] != other ||
		p.Grant.AllAccounts || len(p.GrantThere.Accounts) != 0 {
		t.Errorf("described %s", text)
	}
	var granted, checked, rotated peerAnswer
	a.own(t, "GrantPeer", `{"peerName":"oregon","grant":{"allAccounts":true}}`, &granted)
	if g := granted.Peer.Grant; !g.AllAccounts || len(g.Accounts) != 0 {
		t.Errorf("granted %+v", granted)
	}
	for _, body := range []string{`{}`, `{"peerName":"oregon"}`} {
		a.own(t, "CheckPeers", body, &checked)
		if p := checked.Peers[0]; !p.Answered || p.Status != "REACHABLE" {
			t.Errorf("checked %+v", checked)
		}
	}
	if a.own(t, "RotatePeerKey", `{}`, &rotated); rotated.Peers[0].KeyNumber != 2 {
		t.Errorf("rotated %+v", rotated)
	}
	a.wantOwn(t, "RemovePeer", `{"peerName":"oregon"}`, `{"peerName":"oregon"}`)
	a.wantOwn(t, "CheckPeers", `{}`, `{"peers":[]}`)
	if err := oregon.Remove(t.Context(), "tokyo"); err != nil {
		t.Fatal(err)
	}

	code, _, err := oregon.Invite(t.Context(), peer.Grant{All: true})
	if err != nil {
		t.Fatal(err)
	}
	var joined peerAnswer
	a.own(t, "JoinPeer", `{"invitationCode":"`+code+`","grant":{"accounts":["`+other+`"]}}`, &joined)
	if p := joined.Peer; p.Name != "oregon" || p.Grant.Accounts[0] != other || !p.GrantThere.AllAccounts {
		t.Errorf("joined %+v", joined)
	}
	if _, text := a.own(t, "ListPeers", `{}`, nil); !strings.Contains(text, `"name":"oregon"`) ||
		!strings.Contains(text, `"takesAccount":true`) || strings.Contains(text, other) {
		t.Errorf("an account lists %s", text)
	}
	if log := a.log.String(); strings.Contains(log, invited.InvitationCode) || strings.Contains(log, code) {
		t.Errorf("the log has a code:\n%s", log)
	}
}

func TestPeerOperationsAreRefused(t *testing.T) {
	t.Parallel()
	a, tokyo := newOperatedAPI(t, account)
	oregon := openPeers(t, "oregon", there)
	away := openPeers(t, "away", resource.Registry{Account: other, Region: "eu-west-1"})
	if err := tokyo.Configure(t.Context(), []peer.Configured{{
		Name: "oregon", URL: "http://127.0.0.1:1", Key: oregon.Identity(), Regions: []string{there.Region},
		ServedAccounts: []string{other},
	}}); err != nil {
		t.Fatal(err)
	}
	own, _, err := tokyo.Invite(t.Context(), peer.Grant{})
	if err != nil {
		t.Fatal(err)
	}
	used, _, err := away.Invite(t.Context(), peer.Grant{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := oregon.Join(t.Context(), used, peer.Grant{}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ operation, body, code, failure string }{
		{"GrantPeer", `{"peerName":"oregon","grant":{}}`, "PeerConflictException", "Configuration"},
		{"RemovePeer", `{"peerName":"oregon"}`, "PeerConflictException", "Configuration"},
		{"RemovePeer", `{"peerName":"nowhere"}`, "PeerNotFoundException", "NotAPeer"},
		{"CheckPeers", `{"peerName":"nowhere"}`, "PeerNotFoundException", "NotAPeer"},
		{"InvitePeer", `{"grant":{"accounts":["all"]}}`, "InvalidParameterException", "InvalidRequest"},
		{"InvitePeer", `{"grant":{"allAccounts":true,"accounts":["` + other + `"]}}`, "InvalidParameterException",
			"InvalidRequest"},
		{"JoinPeer", `{"invitationCode":"twinport1-"}`, "InvalidParameterException", "CodeInvalid"},
		{"JoinPeer", `{"invitationCode":"` + own + `"}`, "InvalidParameterException", "CodeInvalid"},
		{"JoinPeer", `{"invitationCode":"` + used + `"}`, "InvalidParameterException", "CodeUsed"},
		{"JoinPeer", `{}`, "InvalidParameterException", ""},
		{"GrantPeer", `{"peerName":"oregon"}`, "InvalidParameterException", ""},
		{"RemovePeer", `{}`, "InvalidParameterException", ""},
		{"InvitePeer", `{"grant":[]}`, "SerializationException", ""},
		{"InvitePeer", `{"grant":{"all":true}}`, "SerializationException", ""},
	} {
		res, text := a.own(t, test.operation, test.body, nil)
		var refusal struct{ Type, Message, FailureCode string }
		err := json.Unmarshal([]byte(strings.Replace(text, "__type", "type", 1)), &refusal)
		if err != nil || res.StatusCode != http.StatusBadRequest || refusal.Type != test.code || refusal.Message == "" ||
			refusal.FailureCode != test.failure {
			t.Errorf("%s %s: %s %s, want %s, %s", test.operation, test.body, res.Status, text, test.code, test.failure)
		}
	}
	var checked peerAnswer
	_, text := a.own(t, "CheckPeers", `{}`, &checked)
	if p := checked.Peers[0]; p.Answered || p.Source != "CONFIGURATION" ||
		!strings.Contains(text, `"failureCode":"Unreachable"`) {
		t.Errorf("checked %s", text)
	}
}
