package iam

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/policy"
)

// place is where a text has a string, in quotes.
type place struct {
	from, to int
	value    string
}

// principalsIn finds the AWS principals in the text of a trust policy that was parsed.
func principalsIn(text string) (places []place, err error) {
	dec := json.NewDecoder(strings.NewReader(text))
	var value func(path string) error
	value = func(path string) error {
		before := int(dec.InputOffset())
		token, err := dec.Token()
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case string:
			if path == ".Statement.Principal.AWS" || path == ".Statement.NotPrincipal.AWS" {
				from := before + strings.IndexByte(text[before:], '"')
				places = append(places, place{from, int(dec.InputOffset()), token})
			}
		case json.Delim:
			for dec.More() {
				under := path
				if token == '{' {
					name, err := dec.Token()
					if err != nil {
						return err
					}
					under += "." + name.(string)
				}
				if err := value(under); err != nil {
					return err
				}
			}
			_, err = dec.Token()
		}
		return err
	}
	if err := value(""); err != nil && err != io.EOF {
		return nil, err
	}
	return places, nil
}

// bind checks a trust policy that is to be set, and finds the unique ids of the users and roles that it names. So it
// does not hold for others that have their names later ("AWS JSON policy elements: Principal" in the IAM User Guide).
func (s *Service) bind(ctx context.Context, text string) (map[string]string, error) {
	if policy.Size(text) > maxTrustPolicy {
		return nil, refuse(LimitExceeded, "Cannot exceed quota for ACLSizePerRole: %d", maxTrustPolicy)
	}
	if _, err := policy.Parse(text, policy.TrustPolicy); err != nil {
		return nil, refuse(MalformedPolicyDocument, "%s", policy.IAMProblem(err))
	}
	places, err := principalsIn(text)
	if err != nil {
		return nil, refuse(MalformedPolicyDocument, "%s", policy.IAMProblem(err))
	}
	q := s.Store.Read(ctx).Identities()
	ids := map[string]string{}
	for _, p := range places {
		account, k, name, ok := cutARN(p.value)
		if !ok || k == OfGroup {
			continue
		}
		if _, ours := s.Accounts.Account(account); !ours || ids[p.value] != "" {
			continue // nobody here can be that
		}
		i, err := find(q, account, k, name)
		if err != nil && !isNoSuch(err) {
			return nil, err
		}
		if err != nil || identityARN(&i) != p.value {
			return nil, refuse(MalformedPolicyDocument, `Invalid principal in policy: "AWS":"%s"`, shown(p.value))
		}
		ids[p.value] = i.ID
	}
	return ids, nil
}

// cutARN takes the ARN of a user, group or role apart.
func cutARN(arn string) (account string, k Kind, name string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || parts[3] != "" {
		return "", "", "", false
	}
	word, rest, _ := strings.Cut(parts[5], "/")
	for kind, of := range kinds {
		if of.word == word {
			k = kind
		}
	}
	name = rest[strings.LastIndexByte(rest, '/')+1:]
	return parts[4], k, name, k != "" && isName.MatchString(name) && len(name) <= 128
}

// trustText is the text of a role's trust policy, in which users and roles that are gone, or have other names, have
// their unique ids. So it holds for them alone.
func trustText(q metadata.Identities, role *metadata.Identity) (string, error) {
	var gone map[string]string
	for arn, id := range role.Trusted {
		i, err := q.ByID(id)
		if err != nil && !errors.Is(err, metadata.ErrNotFound) {
			return "", err
		}
		if err != nil || identityARN(&i) != arn {
			if gone == nil {
				gone = map[string]string{}
			}
			gone[arn] = id
		}
	}
	if gone == nil {
		return role.TrustPolicy, nil
	}
	places, err := principalsIn(role.TrustPolicy)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	end := 0
	for _, p := range places {
		if id, ok := gone[p.value]; ok {
			b.WriteString(role.TrustPolicy[end:p.from] + `"` + id + `"`)
			end = p.to
		}
	}
	return b.String() + role.TrustPolicy[end:], nil
}

// trustOf is a role's trust policy as callers are held to it. One that cannot be read trusts nobody.
func trustOf(q metadata.Identities, role *metadata.Identity) (policy.Policy, error) {
	p := policy.Policy{Name: "the trust policy of the role " + role.Name, Document: policy.Unreadable}
	text, err := trustText(q, role)
	if err != nil {
		return p, err
	}
	if document, err := policy.Parse(text, policy.TrustPolicy); err == nil {
		p.Document = document
	}
	return p, nil
}
