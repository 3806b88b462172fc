package registry

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Columns of the second table of docs/security.md.
var keyColumns = []struct {
	keys  keySet
	names string
}{
	{resourceTags, "`aws:ResourceTag/…`, `ecr:ResourceTag/…`"},
	{requestTags, "`aws:RequestTag/…`"},
	{tagKeys, "`aws:TagKeys`"},
}

// tablesOfKeys are the tables of docs/security.md.
func tablesOfKeys() string {
	var b strings.Builder
	b.WriteString("| key of every request | value |\n|---|---|\n")
	for _, k := range keysOfAll {
		value := k.value
		switch {
		case k.client && k.known:
			value += "; absent if it says nothing, and in a replication"
		case k.client:
			value += "; absent in a replication"
		case k.known:
			value += "; absent if it has none"
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", k.name, value)
	}
	b.WriteString("\n| action | resource |")
	for _, c := range keyColumns {
		fmt.Fprintf(&b, " %s |", c.names)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(keyColumns)) + "\n")
	for _, action := range slices.Sorted(maps.Keys(keysOf)) {
		resource := "`*`"
		if keysOf[action]&ofRepository != 0 {
			resource = "repository"
		}
		fmt.Fprintf(&b, "| `%s` | %s |", action, resource)
		for _, c := range keyColumns {
			if keysOf[action]&c.keys != 0 {
				b.WriteString(" yes |")
			} else {
				b.WriteString(" |")
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// The document says what the code does.
func TestConditionKeysAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := tablesOfKeys(); !strings.Contains(string(text), want) {
		t.Errorf("docs/security.md lacks these tables of its section \"Condition keys\":\n\n%s", want)
	}
}

// No action is asked for without its row in the table.
func TestEveryActionHasItsKeys(t *testing.T) {
	source, err := os.ReadFile("authorize.go")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`(?m)^\taction\w+ += "(ecr:\w+)"$`).FindAllStringSubmatch(string(source), -1)
	for _, action := range named {
		if _, ok := keysOf[action[1]]; !ok {
			t.Errorf("%s has no row in keysOf", action[1])
		}
	}
	if len(named) != len(keysOf) {
		t.Errorf("%d actions, %d rows", len(named), len(keysOf))
	}
}

// The table, for tests from outside.

var (
	KeysOfAll = keysOfAll
	KeysOf    = keysOf
)

const (
	ResourceTags = resourceTags
	RequestTags  = requestTags
	TagKeys      = tagKeys
)

func (k conditionKey) Name() string { return k.name }
func (k conditionKey) Client() bool { return k.client }

// Evaluations counts how often policies decided on a caller.
func (s *Service) Evaluations() int64 { return s.evaluations.Load() }
