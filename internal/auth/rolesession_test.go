package auth_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/resource"
)

// deployRole is a role as Keys.Role gives it.
var deployRole = roleKey("AROADEPLOYDEPLOYDEPLO", "111122223333", "ci/deploy")

func roleKey(id, account, name string) auth.AccessKey {
	arn := "arn:aws:iam::" + account + ":role/" + name
	return auth.AccessKey{
		ID: id, Secret: "secret-of-the-role-" + id, Principal: policy.Principal{Account: account, ARN: arn, Role: arn},
	}
}

// fullSession has all that a session may carry.
func fullSession() auth.RoleSession {
	return auth.RoleSession{
		Name: "build-17", Policy: `{"Statement":[]}`, PolicyARNs: []string{"arn:aws:iam::aws:policy/ReadOnly", "b"},
		Tags: []resource.Tag{{Key: "team", Value: "web"}, {Key: "空", Value: ""}}, Transitive: []string{"team"},
		SourceIdentity: "someone", Chained: true,
		Federated: auth.Federated{Provider: "arn:aws:iam::111122223333:oidc-provider/x", Subject: "s", Audience: "a"},
	}
}

func begin(t testing.TB, v *auth.Verifier, role auth.AccessKey, s auth.RoleSession,
	lifetime time.Duration) auth.Credentials {
	t.Helper()
	c, err := v.IssueRole(role, s, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func verifierOf(keys ...auth.AccessKey) *auth.Verifier {
	return auth.NewVerifier(newKeyring(keys...), "deployment", func() time.Time { return signedAt })
}

var ignoreSealed = cmpopts.IgnoreUnexported(auth.RoleSession{})

// TestRoleSession: signed requests, registry logins and downloads of a session all
// carry all of it, in every process.
func TestRoleSession(t *testing.T) {
	issuer := verifierOf(deployRole)
	issued := begin(t, issuer, deployRole, fullSession(), time.Hour)
	session := fullSession()
	session.RoleID = deployRole.ID
	want := auth.Identity{
		Principal: policy.Principal{
			Account: "111122223333", ARN: "arn:aws:sts::111122223333:assumed-role/deploy/build-17",
			ID: "AROADEPLOYDEPLOYDEPLO:build-17", Role: "arn:aws:iam::111122223333:role/ci/deploy",
		},
		Temporary: issued.Temporary, Role: &session, Region: "us-west-2",
	}
	if want.Principal.UserID() != want.Principal.ID || !auth.IsTemporaryID(issued.AccessKeyID) {
		t.Errorf("user id %s, key id %s", want.Principal.UserID(), issued.AccessKeyID)
	}
	v := verifierOf(deployRole)
	var identity auth.Identity
	for range 2 { // the second time it is remembered
		var err error
		identity, err = v.Verify(signedBy(t, issued, signedAt), []byte(sessionBody), "ecr")
		if diff := cmp.Diff(want, identity, ignoreSealed); err != nil || diff != "" {
			t.Fatalf("%v, identity (-want +got):\n%s", err, diff)
		}
	}
	key, err := auth.KeyOf(t.Context(), newKeyring(deployRole), identity)
	if err != nil || key != deployRole {
		t.Fatalf("%v, %v", key, err)
	}
	ends := identity.Temporary.Until(signedAt.Add(auth.TokenLifetime))
	if ends != issued.Expires {
		t.Errorf("a login ends at %s", ends)
	}
	login := auth.SignToken(key, auth.Token{
		Region: "us-west-2", Temporary: identity.Temporary, Role: identity.Role, Expires: ends,
	})
	download := auth.SignDownload(key, identity, "us-west-2", "111122223333/us-west-2/app", "sha256:00", signedAt)
	longer := auth.SignToken(key, auth.Token{
		Region: "us-west-2", Temporary: identity.Temporary, Role: identity.Role, Expires: ends.Add(time.Hour),
	})
	for what, text := range map[string]string{"login": login, "download": download, "a longer login": longer} {
		c := &clock{now: signedAt}
		keys := newKeyring(deployRole)
		another := auth.NewVerifier(keys, "deployment", c.Now)
		for range 2 {
			token, got, err := another.VerifyToken(t.Context(), text)
			if diff := cmp.Diff(want, got, ignoreSealed); err != nil || diff != "" {
				t.Errorf("%s: %v, identity (-want +got):\n%s", what, err, diff)
			}
			if token.Opens("111122223333/us-west-2/app", "sha256:00") != (what == "download") {
				t.Errorf("%s opens the layer, or does not", what)
			}
			if again := auth.SignToken(key, token); again != text {
				t.Errorf("%s: signed again it is another", what)
			}
		}
		keys.remove(deployRole.ID)
		if _, _, err := another.VerifyToken(t.Context(), text); !errors.Is(err, auth.ErrTokenInvalid) {
			t.Errorf("%s, the role is gone: %v", what, err)
		}
		keys.put(deployRole)
		c.set(issued.Expires)
		for _, late := range []*auth.Verifier{another, auth.NewVerifier(keys, "deployment", c.Now)} {
			if _, _, err := late.VerifyToken(t.Context(), text); !errors.Is(err, auth.ErrTokenExpired) {
				t.Errorf("%s, the session has ended: %v", what, err)
			}
		}
	}
}

// Whatever happens to the role ends its sessions at once, even those that were
// opened before; one that is made anew under the same name is another.
func TestRoleSessionDiesWithItsRole(t *testing.T) {
	secret, account := deployRole, deployRole
	secret.Secret = "another-secret-another-secret-another-se"
	account.Principal = roleKey("", "444455556666", "ci/deploy").Principal
	recreated := roleKey("AROAANOTHERANOTHERANO", "111122223333", "ci/deploy")
	user := longLived
	user.ID = deployRole.ID
	for name, change := range map[string]func(*keyring){
		"gone":           func(k *keyring) { k.remove(deployRole.ID) },
		"made anew":      func(k *keyring) { k.remove(deployRole.ID); k.put(recreated) },
		"secret changed": func(k *keyring) { k.put(secret) },
		"of another":     func(k *keyring) { k.put(account) },
		"an access key":  func(k *keyring) { k.put(user) },
	} {
		for _, before := range []bool{true, false} {
			keys := newKeyring(deployRole)
			v := auth.NewVerifier(keys, "deployment", func() time.Time { return signedAt })
			issued := begin(t, v, deployRole, auth.RoleSession{Name: "one"}, time.Hour)
			r := signedBy(t, issued, signedAt)
			if before {
				if _, err := v.Verify(r, []byte(sessionBody), "ecr"); err != nil {
					t.Fatal(err)
				}
			}
			change(keys)
			if _, err := v.Verify(r, []byte(sessionBody), "ecr"); code(err) != "UnrecognizedClientException" {
				t.Errorf("%s, opened before %t: %v", name, before, err)
			}
		}
	}
}

// A role's id is never an access key's, nor an access key's a role's, whatever
// Keys answers; and what is issued for one never passes as the other's.
func TestRolesAreNoAccessKeys(t *testing.T) {
	v := verifierOf(deployRole, longLived)
	refused := func(what string, c any) {
		t.Helper()
		_, err := v.Verify(signedBy(t, c, signedAt), []byte(sessionBody), "ecr")
		if code(err) != "UnrecognizedClientException" {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("a role's secret", deployRole)
	refused("a session of GetSessionToken for a role", v.Issue(deployRole, time.Hour))
	key, err := v.IssueRole(longLived, auth.RoleSession{Name: "one"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	refused("a session of a role for an access key", key)
	for what, text := range map[string]string{
		"a login of the role itself": auth.SignToken(deployRole, login(signedAt)),
		"a login of a session that was not issued": auth.SignToken(deployRole, auth.Token{
			Region: "us-west-2", Role: &auth.RoleSession{RoleID: deployRole.ID, Name: "one"}, Expires: signedAt.Add(time.Hour),
		}),
	} {
		if _, _, err := v.VerifyToken(t.Context(), text); !errors.Is(err, auth.ErrTokenInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, identity := range []auth.Identity{
		{AccessKeyID: deployRole.ID}, {Role: &auth.RoleSession{RoleID: longLived.ID}}, {},
	} {
		if key, err := auth.KeyOf(t.Context(), newKeyring(deployRole, longLived), identity); !errors.Is(err, auth.ErrNoKey) {
			t.Errorf("%+v rests on %v, %v", identity, key, err)
		}
	}
	if account, known, err := v.AccountOf(t.Context(), deployRole.ID); known || err != nil {
		t.Errorf("the role's id is an access key of %s, %v", account, err)
	}
}

// TestRoleSessionForged: a token with any change is none, and neither is one that
// another role's secret, deployment or session has made.
func TestRoleSessionForged(t *testing.T) {
	other := roleKey("AROAOTHEROTHEROTHEROT", "111122223333", "other")
	v := verifierOf(deployRole, other, longLived)
	issued := begin(t, v, deployRole, fullSession(), time.Hour)
	refused := func(what string, c auth.Credentials) {
		t.Helper()
		_, err := v.Verify(signedBy(t, c, signedAt), []byte(sessionBody), "ecr")
		if code(err) != "UnrecognizedClientException" {
			t.Errorf("%s: %v", what, err)
		}
	}
	with := func(raw []byte) auth.Credentials {
		c := issued
		c.SessionToken = base64.RawURLEncoding.EncodeToString(raw)
		return c
	}
	raw, err := base64.RawURLEncoding.DecodeString(issued.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		changed := append([]byte(nil), raw...)
		changed[i] ^= 3 // makes version 1 of version 2
		refused(fmt.Sprintf("byte %d changed", i), with(changed))
		if i > 0 {
			refused(fmt.Sprintf("cut to %d bytes", i), with(raw[:i]))
		}
	}
	refused("another role", with([]byte(strings.Replace(string(raw), deployRole.ID, other.ID, 1))))
	refused("another session's token", func() auth.Credentials {
		c := issued
		c.SessionToken = begin(t, v, other, fullSession(), time.Hour).SessionToken
		return c
	}())
	forged := other
	forged.ID = deployRole.ID
	refused("another role's secret", begin(t, v, forged, fullSession(), time.Hour))
	refused("another deployment", begin(t, auth.NewVerifier(newKeyring(deployRole), "another",
		func() time.Time { return signedAt }), deployRole, fullSession(), time.Hour))
	refused("longer than may be issued", begin(t, v, deployRole, fullSession(), auth.MaxSession+time.Second))

	identity, err := v.Verify(signedBy(t, issued, signedAt), []byte(sessionBody), "ecr")
	if err != nil {
		t.Fatal(err)
	}
	text := auth.SignToken(deployRole, auth.Token{Region: "us-west-2", Role: identity.Role, Expires: signedAt.Add(time.Hour)})
	token, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range token {
		changed := append([]byte(nil), token...)
		changed[i] ^= 1
		if _, _, err := v.VerifyToken(t.Context(), base64.RawURLEncoding.EncodeToString(changed)); err == nil {
			t.Errorf("byte %d of a login changed: it is taken", i)
		}
	}
	// The session token in the login is another role's.
	if _, _, err := v.VerifyToken(t.Context(), auth.SignToken(other, auth.Token{
		Region: "us-west-2", Role: identity.Role, Expires: signedAt.Add(time.Hour),
	})); !errors.Is(err, auth.ErrTokenInvalid) {
		t.Errorf("a login that another role has signed: %v", err)
	}
}

// The largest session has a token of 4 KiB at most, and so has a login room for it.
func TestRoleSessionIsBounded(t *testing.T) {
	v := verifierOf(deployRole)
	s := auth.RoleSession{Name: strings.Repeat("n", 64), SourceIdentity: strings.Repeat("s", 64)}
	s.Policy = strings.Repeat("p", auth.MaxPacked-s.Packed()-1) // a length takes one byte more
	if s.Packed() != auth.MaxPacked {
		t.Fatalf("it takes %d", s.Packed())
	}
	issued := begin(t, v, deployRole, s, time.Hour)
	if len(issued.SessionToken) > 4096 {
		t.Errorf("a session token of %d characters", len(issued.SessionToken))
	}
	identity, err := v.Verify(signedBy(t, issued, signedAt), []byte(sessionBody), "ecr")
	if err != nil {
		t.Fatal(err)
	}
	text := auth.SignDownload(deployRole, identity, strings.Repeat("r", 25), "111122223333/"+strings.Repeat("r", 25)+"/"+
		strings.Repeat("a", 256), "sha512:"+strings.Repeat("0", 128), signedAt)
	_, got, err := v.VerifyToken(t.Context(), text)
	if err != nil || got.Role.Policy != s.Policy {
		t.Errorf("a token of %d characters: %v", len(text), err)
	}
	header := "Basic " + base64.StdEncoding.EncodeToString([]byte("AWS:"+text))
	if _, password, ok := auth.BasicCredentials(header); !ok || password != text {
		t.Errorf("a login of %d bytes is not read", len(header))
	}

	s.Policy += "p"
	if _, err := v.IssueRole(deployRole, s, time.Hour); !errors.Is(err, auth.ErrSessionTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
	for name, s := range map[string]auth.RoleSession{
		"tags": {Tags: make([]resource.Tag, 65)}, "keys": {Transitive: make([]string, 300)},
		"policies": {PolicyARNs: make([]string, 65)},
	} {
		if _, err := v.IssueRole(deployRole, s, time.Hour); !errors.Is(err, auth.ErrSessionTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Tokens that the program wrote before there were sessions of roles stay valid.
func TestTokensOfEarlierVersions(t *testing.T) {
	issued := auth.Credentials{
		Temporary: auth.Temporary{AccessKeyID: "ASIADHPWNEHFBLDUQWOH"}, Secret: "E1Reh0DLRrk0y0HEmVPaVusVK1LWiF1n6UQifxRs",
		SessionToken: "AYwVlV_18ICE_aCCPw3y5bG3Cr9m2H6eqxabI8orQJblFEFLSUFQUk9EUFJPRFBST0RQUk9ESwEpGUGSBRwJYRVIjE3VsK0VLktv" +
			"L3tVfFbowBZ0w0LTcChvjR5n2s0SrokERXcElu1qvr7hFdb9Zbe4ea1r8uC_XiiSmmLKwJKk_i_rFSQgoXNSkbdaiX_cVkZocQ",
	}
	identity, err := newVerifier(signedAt).Verify(signedBy(t, issued, signedAt), []byte(sessionBody), "ecr")
	if err != nil || identity.AccessKeyID != longLived.ID || identity.Principal != longLived.Principal ||
		identity.Temporary.AccessKeyID != issued.AccessKeyID {
		t.Errorf("%+v, %v", identity, err)
	}
	for text, temporary := range map[string]string{
		"AQAAAABpVwqAFEFLSUFQUk9EUFJPRFBST0RQUk9ECXVzLXdlc3QtMgDpsER6ooAoa45VZ0QQDoeQiyPIJVajvXfK8L3h5wiqNg": "",
		"AgAAAABpVm_QFEFLSUFQUk9EUFJPRFBST0RQUk9ECXVzLXdlc3QtMgAAAAAAaVZhwAAAAABpVm_QFEFTSUFESFBXTkVIRkJMRFVRV09IP0Ax" +
			"CYX8RlWUAFDSBklhFBrM5tF5SPdx9Nwzf337uow": issued.AccessKeyID,
	} {
		_, identity, err := newVerifier(signedAt).VerifyToken(t.Context(), text)
		if err != nil || identity.AccessKeyID != longLived.ID || identity.Temporary.AccessKeyID != temporary {
			t.Errorf("%s: %+v, %v", text, identity, err)
		}
	}
}

// What is remembered of sessions and logins is bounded in bytes: as many of the
// largest as fit, and all are verified all the same.
func TestLargeSessionsMoreThanRemembered(t *testing.T) {
	v := verifierOf(deployRole)
	s := auth.RoleSession{Name: "one", Policy: strings.Repeat("p", 2048)}
	first := begin(t, v, deployRole, s, time.Hour)
	for range 1500 {
		r := signedBy(t, begin(t, v, deployRole, s, time.Hour), signedAt)
		if _, err := v.Verify(r, []byte(sessionBody), "ecr"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.Verify(signedBy(t, first, signedAt), []byte(sessionBody), "ecr"); err != nil {
		t.Error(err)
	}
}
