package lifecycle

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// newPolicy returns the policy with the rules, which it sorts.
func newPolicy(rules []Rule) *Policy {
	slices.SortFunc(rules, func(a, b Rule) int { return cmp.Compare(a.Priority, b.Priority) })
	return &Policy{rules}
}

// Text is the policy as ECR returns it: without space, the rules in the order
// of their priorities, the members in that of ECR's template, and nothing that
// was left out. It is no longer than the text that was parsed, and parses to
// the same policy.
func (p *Policy) Text() string {
	var w writer
	w.WriteString(`{"rules":[`)
	for i := range p.Rules {
		if i > 0 {
			w.WriteByte(',')
		}
		w.rule(&p.Rules[i])
	}
	w.WriteString("]}")
	return w.String()
}

// writer writes JSON.
type writer struct{ strings.Builder }

func (w *writer) rule(r *Rule) {
	w.WriteString(`{"rulePriority":` + strconv.Itoa(r.Priority))
	if r.Description != nil {
		w.WriteString(`,"description":`)
		w.quote(*r.Description)
	}
	s := &r.Selection
	w.WriteString(`,"selection":{"tagStatus":"` + string(s.TagStatus) + `"`)
	w.list("tagPatternList", s.TagPatterns)
	w.list("tagPrefixList", s.TagPrefixes)
	if s.StorageClass != "" {
		w.WriteString(`,"storageClass":"` + string(s.StorageClass) + `"`)
	}
	w.WriteString(`,"countType":"` + string(s.CountType) + `"`)
	if s.CountType != ImageCountMoreThan {
		w.WriteString(`,"countUnit":"days"`)
	}
	w.WriteString(`,"countNumber":` + strconv.Itoa(s.CountNumber) + `},"action":{"type":"` + string(r.Action) + `"`)
	if r.Action == Transition {
		w.WriteString(`,"targetStorageClass":"archive"`)
	}
	w.WriteByte('}')
	w.twinport(r.Twinport)
	w.WriteByte('}')
}

func (w *writer) twinport(t Twinport) {
	var members []string
	if t.Unsigned {
		members = append(members, `"unsigned":true`)
	}
	if t.SinceTagged > 0 {
		members = append(members, `"sinceTagged":`+strconv.Itoa(t.SinceTagged))
	}
	if t.SincePulled > 0 {
		members = append(members, `"sincePulled":`+strconv.Itoa(t.SincePulled))
	}
	if len(members) > 0 {
		w.WriteString(`,"twinport":{` + strings.Join(members, ",") + "}")
	}
}

// list writes a member that is a list, unless it is empty.
func (w *writer) list(name string, items []string) {
	for i, item := range items {
		if i == 0 {
			w.WriteString(`,"` + name + `":[`)
		} else {
			w.WriteByte(',')
		}
		w.quote(item)
	}
	if len(items) > 0 {
		w.WriteByte(']')
	}
}

// quote writes a string with no escape but those that JSON demands, each in its
// shortest form. encoding/json escapes more, which could make the text longer
// than it may be.
func (w *writer) quote(s string) {
	w.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			w.WriteByte('\\')
			w.WriteByte(c)
		case '\n':
			w.WriteString(`\n`)
		case '\r':
			w.WriteString(`\r`)
		case '\t':
			w.WriteString(`\t`)
		case '\b':
			w.WriteString(`\b`)
		case '\f':
			w.WriteString(`\f`)
		default:
			if c < ' ' {
				const hex = "0123456789abcdef"
				w.WriteString(`\u00`)
				w.WriteByte(hex[c>>4])
				w.WriteByte(hex[c&15])
				continue
			}
			w.WriteByte(c)
		}
	}
	w.WriteByte('"')
}
