package access

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Columns of the second table of docs/security.md.
var keyColumns = []struct {
	keys  KeySet
	names string
}{
	{ResourceTags, "`aws:ResourceTag/…`, `ecr:ResourceTag/…`"},
	{RequestTags, "`aws:RequestTag/…`"},
	{TagKeys, "`aws:TagKeys`"},
	{ImageTags, "`twinport:ImageTag`"},
}

// tablesOfKeys are the tables of docs/security.md.
func tablesOfKeys() string {
	var b strings.Builder
	b.WriteString("| key of every request | value |\n|---|---|\n")
	for _, k := range commonKeys {
		value := k.Value
		switch {
		case k.Client && k.Optional:
			value += "; absent if it has none, and in a replication"
		case k.Client:
			value += "; absent in a replication"
		case k.Optional:
			value += "; absent if it has none"
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", k.Name, value)
	}
	b.WriteString("\n| action | resource |")
	for _, c := range keyColumns {
		fmt.Fprintf(&b, " %s |", c.names)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(keyColumns)) + "\n")
	for _, action := range Actions() {
		resource := "`*`"
		if keysOf[action]&OfRepository != 0 {
			resource = "repository"
		}
		if keysOf[action]&AccountSettings != 0 {
			resource += "; `ecr:AccountSetting`: the setting's name"
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
	source, err := os.ReadFile("actions.go")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`(?m)^\t\w+ += "(ecr:\w+)"$`).FindAllStringSubmatch(string(source), -1)
	for _, action := range named {
		if _, ok := keysOf[action[1]]; !ok {
			t.Errorf("%s has no row in keysOf", action[1])
		}
	}
	if len(named) != len(keysOf) {
		t.Errorf("%d actions, %d rows", len(named), len(keysOf))
	}
}
