package iam

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/twinport/twinport/internal/resource"
)

// The forms of names and texts, as the model of IAM's API has them.
const (
	namePattern       = `[\w+=,.@-]+`
	pathPattern       = `(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`
	policyPathPattern = `((/[A-Za-z0-9\.,\+@=_-]+)*)/`
	aliasPattern      = `^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`
)

var (
	isName       = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]+$`)
	isPath       = regexp.MustCompile(`^(/|/[\x21-\x7E]+/)$`)
	isPolicyPath = regexp.MustCompile(`^(/[A-Za-z0-9.,+@=_-]+)*/$`)
	isAlias      = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	isNumber     = regexp.MustCompile(`^[0-9]{12}$`)
	isTagText    = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

// Limits: "IAM and AWS STS quotas" in the IAM User Guide.
const (
	maxUsers, maxGroups, maxRoles, maxPolicies = 5000, 300, 1000, 1500
	maxKeys                                    = 2
	maxGroupsOfUser                            = 10
	maxAttached                                = 10
	maxVersions                                = 5
	maxTags                                    = 50
	maxManagedPolicy, maxTrustPolicy           = 6144, 2048
	maxDescription                             = 1000
	minSession, maxSession                     = 3600, 43200
)

// kindOf says what differs between the kinds of identities.
type kindOf struct {
	word      string // in texts and ARNs
	prefix    string // of unique ids
	field     string // of the name, in the API
	most      int    // in an account
	longest   int    // a name
	maxInline int    // characters of all inline policies together
}

var kinds = map[Kind]kindOf{
	OfUser:  {"user", "AIDA", "userName", maxUsers, 64, 2048},
	OfGroup: {"group", "AGPA", "groupName", maxGroups, 128, 5120},
	OfRole:  {"role", "AROA", "roleName", maxRoles, 64, 10240},
}

// invalid is the refusal of a member of a request.
func invalid(value, field, constraint string) error {
	return refuse(ValidationError,
		"1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must %s", value, field, constraint)
}

func checkName(field, name string, longest int) error {
	switch {
	case name == "":
		return invalid(name, field, "have length greater than or equal to 1")
	case len(name) > longest:
		return invalid(name[:longest]+"…", field, "have length less than or equal to "+decimal(longest))
	case !isName.MatchString(name):
		return invalid(strings.ToValidUTF8(name, "?"), field, "satisfy regular expression pattern: "+namePattern)
	}
	return nil
}

// path checks one, and returns it, or the default.
func checkPath(path *string) error {
	if *path == "" {
		*path = "/"
	}
	if len(*path) > 512 || !isPath.MatchString(*path) {
		return invalid(shown(*path), "path", "satisfy regular expression pattern: "+pathPattern)
	}
	return nil
}

func checkPathPrefix(prefix *string) error {
	if *prefix == "" {
		*prefix = "/"
	}
	if len(*prefix) > 512 || (*prefix)[0] != '/' || strings.ContainsFunc(*prefix, func(c rune) bool { return c < '!' || c > '~' }) {
		return invalid(shown(*prefix), "pathPrefix", `satisfy regular expression pattern: \u002F[\u0021-\u007F]*`)
	}
	return nil
}

// shown bounds what a message repeats of a request.
func shown(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > 128 {
		return strings.ToValidUTF8(s[:128], "") + "…"
	}
	return s
}

func checkDescription(s string) error {
	if utf8.RuneCountInString(s) > maxDescription {
		return invalid(shown(s), "description", "have length less than or equal to 1000")
	}
	for _, c := range s {
		if c != '\t' && c != '\n' && c != '\r' && (c < ' ' || c > '~' && c < 0xA1 || c > 0xFF) {
			return invalid(shown(s), "description",
				`satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*`)
		}
	}
	return nil
}

// checkTags checks tags that a request sets.
func checkTags(tags []resource.Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		if n := utf8.RuneCountInString(t.Key); n < 1 || n > 128 || !isTagText.MatchString(t.Key) {
			return invalid(shown(t.Key), "tags.member.key", `satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`)
		}
		if utf8.RuneCountInString(t.Value) > 256 || !isTagText.MatchString(t.Value) {
			return invalid(shown(t.Value), "tags.member.value", `satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*`)
		}
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return refuse(InvalidInput, "System tags cannot be added or updated by the caller: %s", shown(t.Key))
		}
		if key := strings.ToLower(t.Key); seen[key] {
			return refuse(InvalidInput, "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		} else {
			seen[key] = true
		}
		if len(seen) > maxTags {
			return refuse(LimitExceeded, "Cannot exceed quota for Tags: %d", maxTags)
		}
	}
	return nil
}

// merged sets tags among others. Keys differ in more than case.
func merged(tags, set []resource.Tag) ([]resource.Tag, error) {
	keys := make([]string, len(set))
	for i, t := range set {
		keys[i] = t.Key
	}
	out := append(without(tags, keys), set...)
	if len(out) > maxTags {
		return nil, refuse(LimitExceeded, "Cannot exceed quota for Tags: %d", maxTags)
	}
	return out, nil
}

func without(tags []resource.Tag, keys []string) (out []resource.Tag) {
	gone := map[string]bool{}
	for _, k := range keys {
		gone[strings.ToLower(k)] = true
	}
	for _, t := range tags {
		if !gone[strings.ToLower(t.Key)] {
			out = append(out, t)
		}
	}
	return out
}

// folded is what names are compared by where case does not matter.
func folded(name string) string { return strings.ToLower(name) }

// newID makes a unique id: the prefix, and 17 characters that are not known otherwise.
func newID(prefix string) string {
	var raw [11]byte
	rand.Read(raw[:]) // never fails
	return prefix + base32.StdEncoding.EncodeToString(raw[:])[:17]
}

// start is the key after which a page begins, and how many items it has at most.
func (p Page) start() (after string, n int, err error) {
	n = p.MaxItems
	if n == 0 {
		n = 100
	}
	if n < 1 || n > 1000 {
		return "", 0, invalid(decimal(n), "maxItems", "have value less than or equal to 1000 and greater than or equal to 1")
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.Marker)
	if err != nil || len(p.Marker) > 320 || strings.ContainsFunc(string(raw), func(c rune) bool { return c < ' ' || c == utf8.RuneError }) {
		return "", 0, refuse(ValidationError, "Invalid Marker.")
	}
	return string(raw), n, nil
}

// page makes a list of items of which one more was asked for than it has at most.
func page[T, R any](items []T, n int, key func(T) string, as func(T) R) List[R] {
	l := List[R]{Items: []R{}}
	for i, item := range items {
		if i == n {
			l.Marker = base64.RawURLEncoding.EncodeToString([]byte(key(items[n-1])))
			break
		}
		l.Items = append(l.Items, as(item))
	}
	return l
}

// pageOf makes a page of all items, which are in the order of their keys.
func pageOf[T any](items []T, p Page, key func(T) string) (List[T], error) {
	after, n, err := p.start()
	if err != nil {
		return List[T]{}, err
	}
	for len(items) > 0 && after != "" && key(items[0]) <= after {
		items = items[1:]
	}
	return page(items, n, key, func(t T) T { return t }), nil
}
