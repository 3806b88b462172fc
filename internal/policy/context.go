package policy

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// key is a condition key.
type key struct {
	name    string // as written
	folded  string // as contexts have it
	derived derivedKey
}

// derivedKey is one of IAM's global condition keys that follow from the
// Request itself, so that no caller can forget or contradict them.
type derivedKey int

const (
	notDerived derivedKey = iota
	principalAccount
	principalARN
	principalIsService
	principalServiceName
	principalType
	principalOrganization
	userID
	username
	resourceAccount
	resourceOrganization
	viaService
	currentTime
	epochTime
)

var derivedKeys = map[string]derivedKey{
	"aws:principalaccount":      principalAccount,
	"aws:principalarn":          principalARN,
	"aws:principalisawsservice": principalIsService,
	"aws:principalservicename":  principalServiceName,
	"aws:principaltype":         principalType,
	"aws:principalorgid":        principalOrganization,
	"aws:userid":                userID,
	"aws:username":              username,
	"aws:resourceaccount":       resourceAccount,
	"aws:resourceorgid":         resourceOrganization,
	"aws:viaawsservice":         viaService,
	"aws:currenttime":           currentTime,
	"aws:epochtime":             epochTime,
}

// derive returns the value of a derived key, empty if it is absent.
func (r *Request) derive(k derivedKey) string {
	switch k {
	case principalAccount:
		if r.Principal.anonymous() {
			return "anonymous"
		}
		return r.Principal.Account
	case principalARN:
		if r.Principal.Role != "" {
			return r.Principal.Role // of a session, IAM gives the role
		}
		return r.Principal.ARN
	case principalIsService:
		return strconv.FormatBool(r.Principal.Service != "")
	case principalServiceName:
		return r.Principal.Service
	case principalType:
		return r.Principal.kind()
	case principalOrganization:
		return r.Principal.Organization
	case userID:
		return r.Principal.UserID()
	case username:
		if r.Principal.kind() != "User" {
			return ""
		}
		return r.Principal.ARN[strings.LastIndexByte(r.Principal.ARN, '/')+1:]
	case resourceAccount:
		return r.ResourceAccount
	case resourceOrganization:
		return r.ResourceOrganization
	case viaService:
		return "false" // services call on behalf of others nowhere here
	case currentTime:
		return r.time().UTC().Format(time.RFC3339)
	case epochTime:
		return strconv.FormatInt(r.time().Unix(), 10)
	}
	return ""
}

func (r *Request) time() time.Time {
	if r.Time.IsZero() {
		return time.Now()
	}
	return r.Time
}

func newKey(name string) (key, error) {
	service, rest, found := strings.Cut(name, ":")
	if !found || service == "" || rest == "" || len(name) > 512 || strings.ContainsAny(name, "*?${}\"'\n") {
		return key{}, errors.New("a condition key is written service:Name, for example aws:SourceIp")
	}
	folded := strings.ToLower(name)
	return key{name: name, folded: folded, derived: derivedKeys[folded]}, nil
}

// values returns a key's values, none if the key is absent. room is for the
// value of a derived key, to spare an allocation.
func (ev *evaluation) values(k *key, room *[1]string) []string {
	if k.derived == notDerived {
		return ev.request.Context.values[k.folded]
	}
	if room[0] = ev.request.derive(k.derived); room[0] == "" {
		return nil
	}
	return room[:]
}

// single returns a key's value, or "" if it has none or several.
func (ev *evaluation) single(k *key) string {
	var room [1]string
	if v := ev.values(k, &room); len(v) == 1 {
		return v[0]
	}
	return ""
}
