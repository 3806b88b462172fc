package policy

import (
	"fmt"
	"slices"
	"strings"
)

// template is a policy's string with its variables cut out.
type template struct {
	text  string // of a template without variables
	parts []part // of one with variables
}

// part is literal text or, if key is set, a variable.
type part struct {
	text     string // the variable's default, if it has one
	key      *key
	fallback bool
}

// syntax says what is special in a string.
type syntax struct {
	variables bool // ${…}
	wildcards bool // * and ?
}

const variableForms = `allowed are ${key}, ${key, 'default'}, ${*}, ${?} and ${$}`

// newTemplate compiles s.
func newTemplate(s string, sx syntax) (template, error) {
	literal := func(s string) string {
		if sx.wildcards {
			return wildcards.Replace(s)
		}
		return s
	}
	if !sx.variables || !strings.Contains(s, "${") {
		return template{text: literal(s)}, nil
	}
	var (
		parts    []part
		buf      strings.Builder
		variable bool
	)
	for {
		before, rest, found := strings.Cut(s, "${")
		buf.WriteString(literal(before))
		if !found {
			break
		}
		inner, after, closed := strings.Cut(rest, "}")
		if !closed {
			return template{}, fmt.Errorf("the variable that starts at %s has no closing brace; %s", quote("${"+rest),
				variableForms)
		}
		s = after
		if inner == "*" || inner == "?" || inner == "$" {
			buf.WriteString(inner)
			continue
		}
		v, err := newVariable(inner)
		if err != nil {
			return template{}, err
		}
		if buf.Len() > 0 {
			parts = append(parts, part{text: buf.String()})
			buf.Reset()
		}
		parts = append(parts, v)
		variable = true
	}
	if !variable {
		return template{text: buf.String()}, nil
	}
	if buf.Len() > 0 {
		parts = append(parts, part{text: buf.String()})
	}
	return template{parts: parts}, nil
}

func newVariable(inner string) (part, error) {
	name, fallback, found := strings.Cut(inner, ",")
	k, err := newKey(strings.TrimSpace(name))
	if err != nil {
		return part{}, fmt.Errorf("%s is not a policy variable: %w; %s", quote("${"+inner+"}"), err, variableForms)
	}
	if !found {
		return part{key: &k}, nil
	}
	fallback = strings.TrimSpace(fallback)
	if len(fallback) < 2 || fallback[0] != '\'' || fallback[len(fallback)-1] != '\'' {
		return part{}, fmt.Errorf("the default in %s must stand in single quotation marks; %s", quote("${"+inner+"}"),
			variableForms)
	}
	return part{key: &k, text: fallback[1 : len(fallback)-1], fallback: true}, nil
}

// expand replaces the variables by their values, in which wildcards are
// literal. It returns false if one has neither a single value nor a default;
// such a template equals nothing and is like nothing. One that becomes too long
// ends the evaluation.
func (t *template) expand(ev *evaluation) (string, bool) {
	if t.parts == nil {
		return t.text, true
	}
	var buf strings.Builder
	for i := range t.parts {
		p := &t.parts[i]
		if buf.Len() > maxExpanded {
			ev.exhaust()
		}
		if !ev.scan(bytesPerStep + buf.Len()) {
			return "", false
		}
		if p.key == nil {
			buf.WriteString(p.text)
			continue
		}
		v := ev.single(p.key)
		if v == "" {
			if !p.fallback {
				return "", false
			}
			v = p.text
		}
		// A value that is not UTF-8 could pass for a wildcard.
		buf.WriteString(strings.ToValidUTF8(v, "�"))
	}
	return buf.String(), true
}

func (t *template) empty() bool { return t.text == "" && t.parts == nil }

// hasStar reports whether the template itself, not a variable's value, has the wildcard *.
func (t *template) hasStar() bool {
	return strings.IndexByte(t.text, star) >= 0 ||
		slices.ContainsFunc(t.parts, func(p part) bool { return p.key == nil && strings.IndexByte(p.text, star) >= 0 })
}

// loosest is the template with a wildcard for each variable.
func (t *template) loosest() string {
	if t.parts == nil {
		return t.text
	}
	var buf strings.Builder
	for i := range t.parts {
		if t.parts[i].key != nil {
			buf.WriteByte(star)
		} else {
			buf.WriteString(t.parts[i].text)
		}
	}
	return buf.String()
}
