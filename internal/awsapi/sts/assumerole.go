package sts

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/iam"
	"github.com/twinport/twinport/internal/resource"
)

// Limits of AssumeRole's parameters (STS API reference, AssumeRole).
const (
	maxRoleSession    = 12 * time.Hour
	maxPolicyARNs     = 10
	maxTags           = 50
	minARN, maxARN    = 20, 2048
	maxPolicy         = 2048
	minName, maxName  = 2, 64
	maxExternalID     = 1224
	maxKey, maxValue  = 128, 256
	reservedTagPrefix = "aws:"
)

var (
	arnGrammar = regexp.MustCompile(
		`^[\t\n\r\x{20}-\x{7E}\x{85}\x{A0}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]+$`)
	policyGrammar     = regexp.MustCompile(`^[\t\n\r\x{20}-\x{FF}]+$`)
	nameGrammar       = regexp.MustCompile(`^[\w+=,.@-]*$`)
	externalIDGrammar = regexp.MustCompile(`^[\w+=,.@:/-]*$`)
	tagGrammar        = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

// AssumedRole is the result of AssumeRole.
type AssumedRole struct {
	XMLName         xml.Name        `xml:"AssumeRoleResult"`
	Credentials     credentials     `xml:"Credentials"`
	AssumedRoleUser assumedRoleUser `xml:"AssumedRoleUser"`
	// PackedPolicySize is there only if the session has policies or tags.
	PackedPolicySize int    `xml:"PackedPolicySize,omitempty"`
	SourceIdentity   string `xml:"SourceIdentity,omitempty"`
}

type assumedRoleUser struct {
	AssumedRoleID string `xml:"AssumedRoleId"`
	ARN           string `xml:"Arn"`
}

// assumeRole begins a session of a role.
func (s *Service) assumeRole(ctx context.Context, caller access.Caller, form url.Values) (any, error) {
	in, err := readAssumeRole(form)
	if err != nil {
		return nil, err
	}
	assumed, err := s.sessions.AssumeRole(ctx, caller, in)
	if err != nil {
		return nil, asError(err)
	}
	return AssumedRole{
		Credentials: credentialsOf(assumed.Credentials),
		AssumedRoleUser: assumedRoleUser{
			AssumedRoleID: assumed.Principal.UserID(), ARN: assumed.Principal.ARN,
		},
		PackedPolicySize: assumed.PackedSize, SourceIdentity: assumed.SourceIdentity,
	}, nil
}

// asError gives a refusal of package iam the status that STS answers with.
func asError(err error) error {
	refused, ok := errors.AsType[*iam.Error](err)
	if !ok {
		return err
	}
	status := http.StatusBadRequest
	if refused.Code == "AccessDenied" {
		status = http.StatusForbidden
	}
	return &auth.Error{Code: refused.Code, Message: refused.Message, Status: status}
}

// readAssumeRole reads the parameters, which must each be given once and not be empty.
func readAssumeRole(form url.Values) (in iam.AssumeRole, err error) {
	for name, values := range form {
		if len(values) > 1 {
			return in, invalid("Value at '%.64s' failed to satisfy constraint: Member must be given once", name)
		}
		if strings.HasPrefix(name, "ProvidedContexts.") {
			return in, invalid("Value at 'providedContexts' failed to satisfy constraint: Member must not be given, since no " +
				"context providers are trusted here")
		}
	}
	if err := refuseMFA(form); err != nil {
		return in, err
	}
	for _, p := range []struct {
		name     string
		required bool
		target   *string
		min, max int
		grammar  *regexp.Regexp
	}{
		{"RoleArn", true, &in.RoleARN, minARN, maxARN, arnGrammar},
		{"RoleSessionName", true, &in.SessionName, minName, maxName, nameGrammar},
		{"Policy", false, &in.Policy, 1, maxPolicy, policyGrammar},
		{"ExternalId", false, &in.ExternalID, minName, maxExternalID, externalIDGrammar},
		{"SourceIdentity", false, &in.SourceIdentity, minName, maxName, nameGrammar},
	} {
		if !form.Has(p.name) {
			if p.required {
				return in, invalid("Value null at '%s' failed to satisfy constraint: Member must not be null", memberName(p.name))
			}
			continue
		}
		*p.target = form.Get(p.name)
		if err := checkText(memberName(p.name), *p.target, p.min, p.max, p.grammar); err != nil {
			return in, err
		}
	}
	if in.Duration, err = durationSeconds(form, maxRoleSession); err != nil {
		return in, err
	}
	if in.PolicyARNs, err = list(form, "PolicyArns", maxPolicyARNs, ".arn", func(at, text string) error {
		return checkText(at, text, minARN, maxARN, arnGrammar)
	}); err != nil {
		return in, err
	}
	checkKey := func(at, text string) error {
		if strings.HasPrefix(strings.ToLower(text), reservedTagPrefix) {
			return invalid("Value at '%s' failed to satisfy constraint: Member must not begin with aws:", at)
		}
		return checkText(at, text, 1, maxKey, tagGrammar)
	}
	if in.Transitive, err = list(form, "TransitiveTagKeys", maxTags, "", checkKey); err != nil {
		return in, err
	}
	keys, err := list(form, "Tags", maxTags, ".Key", checkKey)
	if err != nil {
		return in, err
	}
	values, err := list(form, "Tags", maxTags, ".Value", func(at, text string) error {
		return checkText(at, text, 0, maxValue, tagGrammar)
	})
	if err != nil {
		return in, err
	}
	if len(keys) != len(values) {
		return in, invalid("Value at 'tags' failed to satisfy constraint: Member must have a key and a value")
	}
	for i, key := range keys {
		in.Tags = append(in.Tags, resource.Tag{Key: key, Value: values[i]})
	}
	// A member that was not understood must not be left out: it may limit the session.
	understood := map[string]int{
		"PolicyArns": len(in.PolicyARNs), "TransitiveTagKeys": len(in.Transitive), "Tags": 2 * len(in.Tags),
	}
	for parameter := range form {
		if name, _, ok := strings.Cut(parameter, "."); ok {
			understood[name]--
		}
	}
	for _, name := range [...]string{"PolicyArns", "TransitiveTagKeys", "Tags"} {
		if understood[name] != 0 {
			return in, invalid("Value at '%s' failed to satisfy constraint: Member must be numbered from 1 without a gap, and "+
				"have no other fields than those of the API", memberName(name))
		}
	}
	return in, nil
}

// list reads the members of a list, name.member.1 and so on, each with what
// follows. None may be missing between others.
func list(form url.Values, name string, most int, suffix string, check func(at, text string) error) ([]string, error) {
	prefix := name + ".member."
	given := 0
	for parameter := range form {
		if strings.HasPrefix(parameter, prefix) && strings.HasSuffix(parameter, suffix) {
			given++
		}
	}
	at := memberName(name)
	if given > most {
		return nil, invalid("Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", at,
			most)
	}
	var texts []string
	for i := range given {
		parameter := fmt.Sprintf("%s%d%s", prefix, i+1, suffix)
		if !form.Has(parameter) {
			return nil, invalid("Value at '%s' failed to satisfy constraint: Members must be numbered from 1 without a gap", at)
		}
		text := form.Get(parameter)
		if err := check(fmt.Sprintf("%s.%d.member%s", at, i+1, strings.ToLower(suffix)), text); err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// checkText applies the limits of a text, of which it repeats nothing.
func checkText(at, text string, shortest, longest int, grammar *regexp.Regexp) error {
	length := utf8.RuneCountInString(text)
	switch {
	case length < shortest:
		return invalid("Value at '%s' failed to satisfy constraint: Member must have length greater than or equal to %d", at,
			shortest)
	case length > longest:
		return invalid("Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", at,
			longest)
	case !utf8.ValidString(text) || !grammar.MatchString(text):
		pattern := strings.TrimSuffix(strings.TrimPrefix(grammar.String(), "^"), "$")
		return invalid("Value at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", at,
			pattern)
	}
	return nil
}

// memberName is how constraints name a parameter.
func memberName(parameter string) string { return strings.ToLower(parameter[:1]) + parameter[1:] }
