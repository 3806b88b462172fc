package policy

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"slices"
	"strings"
)

func (p *Principal) anonymous() bool { return p.Account == "" && p.ARN == "" && p.Service == "" }

// Root returns the root of an account, which stands for all of it.
func Root(account string) Principal { return Principal{Account: account, ARN: rootARN(account)} }

func rootARN(account string) string { return "arn:aws:iam::" + account + ":root" }

// IsRoot reports whether p is the root of its account.
func (p *Principal) IsRoot() bool {
	if p.Account == "" {
		return false
	}
	account, ok := rootAccount(p.ARN)
	return ok && account == p.Account
}

// rootAccount returns the account of arn:<partition>:iam::<account>:root.
func rootAccount(arn string) (string, bool) {
	s, ok := strings.CutSuffix(arn, ":root")
	if !ok {
		return "", false
	}
	if s, ok = strings.CutPrefix(s, "arn:"); !ok {
		return "", false
	}
	_, s, _ = strings.Cut(s, ":")
	return strings.CutPrefix(s, "iam::")
}

// kind is the value of aws:PrincipalType, empty for a service.
func (p *Principal) kind() string {
	switch {
	case p.anonymous():
		return "Anonymous"
	case p.IsRoot():
		return "Account"
	}
	parts, _ := splitARN(p.ARN)
	kind, _, _ := strings.Cut(parts[5], "/")
	switch kind {
	case "user":
		return "User"
	case "role", "assumed-role":
		return "AssumedRole"
	case "federated-user":
		return "FederatedUser"
	}
	return ""
}

// UserID is the caller's unique id ("Unique identifiers" in the IAM user
// guide): the account for its root, AIDA… for a user, AROA… and the session's
// name for an assumed role, the account and the name for a federated user;
// empty for a service. Without an ID it is derived from the ARN, so it stays the
// same from call to call.
func (p *Principal) UserID() string {
	switch {
	case p.ID != "":
		return p.ID
	case p.anonymous():
		return "anonymous"
	case p.ARN == "":
		return ""
	case p.Role != "":
		return uniqueID("AROA", p.Role) + ":" + p.ARN[strings.LastIndexByte(p.ARN, '/')+1:]
	case p.IsRoot():
		return p.Account
	case p.kind() == "FederatedUser":
		return p.Account + ":" + p.ARN[strings.LastIndexByte(p.ARN, '/')+1:]
	}
	return uniqueID("AIDA", p.ARN)
}

func uniqueID(prefix, arn string) string {
	sum := sha256.Sum256([]byte(arn))
	return prefix + base32.StdEncoding.EncodeToString(sum[:])[:17]
}

// principals is a statement's Principal or NotPrincipal element.
type principals struct {
	everyone bool
	accounts []string
	arns     []string // users, roles, sessions, federated users
	ids      []string // unique ones of users and roles
	services []string
	negated  bool
}

// bond is how a statement's principal element covers a caller.
type bond int

const (
	none bond = iota
	// delegated: by the caller's account. Within one account that leaves the
	// decision to the account's identity policies.
	delegated
	// limited: by the role behind the caller's session, or the user behind its
	// federated one. The caller's permissions boundary and session policies count.
	limited
	// named: the caller itself, or everyone.
	named
)

var errAWSPrincipal = errors.New(
	`write "*", a twelve-digit account, or the ARN of a root, user, role, assumed-role session or federated user in full, for example arn:aws:iam::111122223333:root`)

// addAWS adds one value of the AWS member.
func (p *principals) addAWS(s string) error {
	switch {
	case s == "*":
		p.everyone = true
		return nil
	case isUniqueID(s):
		p.ids = append(p.ids, s)
		return nil
	case isAccount(s):
		p.accounts = append(p.accounts, s)
		return nil
	case strings.ContainsAny(s, "*?"):
		return errors.New(
			`a principal may be "*" but not contain a wildcard; to narrow "*", add a Condition on aws:PrincipalArn`)
	}
	parts, ok := splitARN(s)
	if !ok || parts[3] != "" || !isAccount(parts[4]) || !strings.HasPrefix(parts[1], "aws") || !consistsOf(parts[1], "-") {
		return errAWSPrincipal
	}
	kind, name, _ := strings.Cut(parts[5], "/")
	switch {
	case parts[2] == "iam" && parts[5] == "root":
		p.accounts = append(p.accounts, parts[4])
		return nil
	case parts[2] == "iam" && kind == "group":
		return errors.New("a group is not a principal; name its users, or a role")
	case name == "" || !consistsOf(name, "_+=,.@-/"):
		return errAWSPrincipal
	case parts[2] == "iam" && (kind == "user" || kind == "role"),
		parts[2] == "sts" && kind == "federated-user",
		parts[2] == "sts" && kind == "assumed-role" && strings.Count(name, "/") == 1:
		p.arns = append(p.arns, s)
		return nil
	}
	return errAWSPrincipal
}

// addService adds one value of the Service member.
func (p *principals) addService(s string) error {
	if !strings.Contains(s, ".") || !consistsOf(s, ".-") {
		return errors.New("write a service principal in full, for example codebuild.amazonaws.com")
	}
	p.services = append(p.services, s)
	return nil
}

var errFederatedPrincipal = errors.New("write the ARN of an identity provider in full, for example " +
	"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com")

// addFederated checks one value of the Federated member of a trust policy. Nobody
// signs in by an identity provider here, so it covers nobody.
func addFederated(s string) error {
	parts, ok := splitARN(s)
	kind, name, _ := strings.Cut(parts[5], "/")
	if !ok || !strings.HasPrefix(parts[1], "aws") || !consistsOf(parts[1], "-") || parts[2] != "iam" || parts[3] != "" ||
		!isAccount(parts[4]) || kind != "oidc-provider" && kind != "saml-provider" || name == "" ||
		!consistsOf(name, "_+=,.@-/%~") {
		return errFederatedPrincipal
	}
	return nil
}

// isUniqueID reports whether s has the form of a user's or role's unique id, which
// IAM shows in a policy in place of an ARN whose owner is gone.
func isUniqueID(s string) bool {
	return len(s) >= 16 && len(s) <= 128 && (strings.HasPrefix(s, "AIDA") || strings.HasPrefix(s, "AROA")) &&
		strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

func isAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// cover says how the element covers who, in a statement of that effect. bounded
// says that who has a permissions boundary.
func (p *principals) cover(who *Principal, effect Effect, bounded bool) bond {
	if p.negated {
		return p.coverOthers(who, effect, bounded)
	}
	switch {
	case p.everyone:
		return named
	case who.Service != "":
		if slices.Contains(p.services, who.Service) {
			return named
		}
		return none
	case who.ARN != "" && who.ARN != who.Role && slices.Contains(p.arns, who.ARN), who.Role == "" && p.hasID(who.ID):
		return named
	case p.hasRole(who), who.User != "" && slices.Contains(p.arns, who.User):
		return limited
	case who.Account == "" || !slices.Contains(p.accounts, who.Account):
		return none
	case who.IsRoot():
		return named
	}
	return delegated
}

// hasRole reports whether the role behind the caller's session is listed.
func (p *principals) hasRole(who *Principal) bool {
	if who.Role == "" {
		return false
	}
	role, _, _ := strings.Cut(who.ID, ":")
	return slices.Contains(p.arns, who.Role) || p.hasID(role)
}

func (p *principals) hasID(id string) bool { return id != "" && slices.Contains(p.ids, id) }

// coverOthers is cover for NotPrincipal. IAM may check a caller's account,
// role and session one after the other, so a Deny spares only callers for whom
// all of these are listed. An Allow, which IAM advises against, leaves out
// every caller for whom any is listed, and callers without a name. A Deny never
// spares a caller with a permissions boundary, whoever is listed ("AWS JSON policy
// elements: NotPrincipal" in the IAM user guide).
func (p *principals) coverOthers(who *Principal, effect Effect, bounded bool) bond {
	switch {
	case p.everyone:
		return none
	case bounded && effect == Deny:
		return named
	}
	listed, missing := 0, 0
	count := func(name string, in bool) {
		switch {
		case name == "":
		case in:
			listed++
		default:
			missing++
		}
	}
	if who.Service != "" {
		count(who.Service, slices.Contains(p.services, who.Service))
	} else {
		count(who.Account, slices.Contains(p.accounts, who.Account))
		count(who.Role, p.hasRole(who))
		count(who.User, slices.Contains(p.arns, who.User))
		if !who.IsRoot() && who.ARN != who.Role {
			count(who.ARN, slices.Contains(p.arns, who.ARN) || who.Role == "" && p.hasID(who.ID))
		}
	}
	switch {
	case effect == Deny && (missing > 0 || listed == 0):
		return named
	case effect == Allow && listed == 0 && !who.anonymous():
		return limited
	}
	return none
}
