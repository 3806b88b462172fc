package lifecycle

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// rule is a rule's text; the parts are members of the selection, and what
// stands behind the selection.
func rule(priority int, selection, action string) string {
	return fmt.Sprintf(`{"rulePriority":%d,"selection":{%s},"action":{%s}}`, priority, selection, action)
}

func policy(rules ...string) string { return `{"rules":[` + strings.Join(rules, ",") + `]}` }

const (
	expire     = `"type":"expire"`
	transition = `"type":"transition","targetStorageClass":"archive"`
	anyCount   = `"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1`
	untagged1  = `"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":1`
	anyPulled  = `"tagStatus":"any","countType":"sinceImagePulled","countUnit":"days","countNumber":90`
	archived   = `"storageClass":"archive","countType":"sinceImageTransitioned","countUnit":"days","countNumber":90`
)

// tagged is a selection by a list: the name of a list and its entries.
func tagged(list, entries string) string {
	return `"tagStatus":"tagged","` + list + `":[` + entries + `],"countType":"imageCountMoreThan","countNumber":1`
}

func mustParse(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

// valid are texts and, where it is another one, what ECR returns of them.
var valid = []struct{ text, want string }{
	{policy(rule(1, anyCount, expire)), ""},
	{
		"\n" + ` { "rules" : [ {
			"action": {"type": "expire"},
			"selection": {"countNumber": 14, "countUnit": "days", "countType": "sinceImagePushed", "tagStatus": "untagged"},
			"description": "Expire images older than 14 days",
			"rulePriority": 1
		} ] } `,
		`{"rules":[{"rulePriority":1,"description":"Expire images older than 14 days","selection":{"tagStatus":"untagged",` +
			`"countType":"sinceImagePushed","countUnit":"days","countNumber":14},"action":{"type":"expire"}}]}`,
	},
	{
		policy(rule(3, anyCount, expire), rule(1, tagged("tagPatternList", `"b*","a*"`), expire),
			rule(2, tagged("tagPrefixList", `"b","a"`), transition)),
		policy(rule(1, tagged("tagPatternList", `"b*","a*"`), expire), rule(2, tagged("tagPrefixList", `"b","a"`), transition),
			rule(3, anyCount, expire)),
	},
	// A class of its own for each: AWS' combined example, and a rule in both.
	{policy(rule(1, anyPulled, transition), rule(2, `"tagStatus":"any",`+archived, expire)), ""},
	{policy(rule(1, untagged1, expire), rule(2, `"tagStatus":"untagged",`+archived, expire), rule(3, anyPulled, transition)), ""},
	{policy(rule(7, `"tagStatus":"any","storageClass":"standard","countType":"imageCountMoreThan","countNumber":2147483647`, expire)), ""},
	{policy(rule(2147483647, tagged("tagPatternList", `"*test*1*2*3","test*1*2*3*"`), expire)), ""},
	// One prefix of two is another set, and of patterns nothing is asked.
	{policy(rule(1, tagged("tagPrefixList", `"a","b"`), expire), rule(2, tagged("tagPrefixList", `"a"`), expire)), ""},
	{policy(rule(1, tagged("tagPatternList", `"a*"`), expire), rule(2, tagged("tagPatternList", `"a*"`), expire)), ""},
	// An empty list that says nothing is left out.
	{policy(rule(1, `"tagPrefixList":[],"tagPatternList":[],`+untagged1, expire)), policy(rule(1, untagged1, expire))},
	{
		policy(rule(1, `"tagPatternList":[],`+tagged("tagPrefixList", `"a"`), expire)),
		policy(rule(1, tagged("tagPrefixList", `"a"`), expire)),
	},
	{
		`{"rules":[{"rulePriority":1,"description":"","selection":{` + anyCount + `},"action":{` + expire + `}}]}`, "",
	},
	{
		`{"rules":[{"rulePriority":1,"description":"\u00e9\/\u0001\u001F\u0022\\\n<&>\u2028","selection":{` + anyCount +
			`},"action":{` + expire + `}}]}`,
		`{"rules":[{"rulePriority":1,"description":"é/\u0001\u001f\"\\\n<&>` + "\u2028" + `","selection":{` + anyCount +
			`},"action":{` + expire + `}}]}`,
	},
	// Beyond ECR.
	{policy(rule(1, anyCount, expire+`},"twinport":{"unsigned":true,"sinceTagged":30,"sincePulled":7`)), ""},
	{
		policy(rule(1, `"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days","countNumber":7`,
			expire+`},"twinport":{"unsigned":true`), rule(2, anyCount, expire)), "",
	},
}

func TestParseReturnsWhatECRReturns(t *testing.T) {
	for _, v := range valid {
		want := v.want
		if want == "" {
			want = v.text
		}
		if got := mustParse(t, v.text).Text(); got != want {
			t.Errorf("%s\nis returned as\n%s", v.text, got)
		}
	}
	p := mustParse(t, policy(rule(9, tagged("tagPatternList", `"a*"`), transition+`},"twinport":{"sinceTagged":3`)))
	r := p.Rules[0]
	if r.Priority != 9 || r.Description != nil || r.Selection.Class() != Standard || r.Selection.StorageClass != "" ||
		r.Selection.TagPatterns[0] != "a*" || r.Selection.CountType != ImageCountMoreThan || r.Selection.CountNumber != 1 ||
		r.Action != Transition || r.Twinport != (Twinport{SinceTagged: 3}) {
		t.Errorf("rule = %+v", r)
	}
}

func TestParseRefuses(t *testing.T) {
	const (
		failure = "Lifecycle policy validation failure: "
		parsing = "Lifecycle policy parsing failure: Could not map policyString into LifecyclePolicy."
		form4   = failure + "instance failed to match exactly one schema (matched 0 out of 4)\n"
		form2   = failure + "instance failed to match exactly one schema (matched 0 out of 2)\n"
	)
	many := make([]string, 51)
	for i := range many {
		many[i] = rule(i+1, tagged("tagPrefixList", fmt.Sprintf(`"p%d"`, i)), expire)
	}
	fill := strings.Repeat(" ", 100)
	with := func(members string) string {
		return `{"rules":[{"rulePriority":1,` + members + `}]}` + fill
	}
	selection := func(members string) string { return with(`"selection":{` + members + `},"action":{` + expire + `}`) }
	action := func(members string) string { return with(`"selection":{` + anyCount + `},"action":{` + members + `}`) }
	twinport := func(members string) string {
		return with(`"selection":{` + anyCount + `},"action":{` + expire + `},"twinport":{` + members + `}`)
	}
	typed := func(is, want string) string {
		return failure + "instance type (" + is + `) does not match any allowed primitive type (allowed: ["` + want + "\"])\n"
	}
	missing := func(names string) string {
		return failure + "object has missing required properties ([" + names + "])\n"
	}
	unknown := func(names string) string {
		return failure + "object instance has properties which are not allowed by the schema: [" + names + "]\n"
	}
	low := func(found string) string {
		return failure + "numeric instance is lower than the required minimum (minimum: 1, found: " + found + ")\n"
	}
	enum := func(value, values string) string {
		return failure + "instance value (" + value + ") not found in enum (possible values: [" + values + "])\n"
	}
	const statuses = `"tagged","untagged","any"`
	for _, c := range []struct{ text, want, path string }{
		// Length, in characters.
		{"", "Member must have length greater than or equal to 100", ""},
		{strings.Repeat("é", 99), "Member must have length greater than or equal to 100", ""},
		{strings.Repeat("é", 30721), "Member must have length less than or equal to 30720", ""},
		{strings.Repeat(" ", 200000), "Member must have length less than or equal to 30720", ""},
		// JSON.
		{strings.Repeat("é", 100), parsing, ""},
		{policy(rule(1, anyCount, expire)) + "x", parsing, ""},
		{strings.Replace(policy(rule(1, anyCount, expire)), "expire", "expire\xff", 1), parsing, ""},
		{with(`"rulePriority":2`), parsing, ""},
		{`{"rules":[[[[[[[[[[]]]]]]]]]]}` + fill, parsing, ""},
		// Schema: the document.
		{"[]" + fill, typed("array", "object"), ""},
		{"null" + fill, typed("null", "object"), ""},
		{"{}" + fill, missing(`"rules"`), ""},
		{`{"rules":[],"Rules":[],"x":1}` + fill, unknown(`"Rules","x"`), ""},
		{`{"rules":{}}` + fill, typed("object", "array"), "rules"},
		{`{"rules":[]}` + fill, failure + "array is too short: must have at least 1 elements but instance has 0 elements\n", "rules"},
		{policy(many...), failure + "array is too long: must have at most 50 elements but instance has 51 elements\n", "rules"},
		// Rules.
		{`{"rules":["x"]}` + fill, typed("string", "object"), "rules[0]"},
		{with(`"x":1`), missing(`"action","selection"`), "rules[0]"},
		{with(`"selection":{` + anyCount + `},"action":{` + expire + `},"x":1`), unknown(`"x"`), "rules[0]"},
		{policy(rule(1, anyCount, expire), strings.Replace(rule(2, anyCount, expire), "2", `"2"`, 1)), typed("string", "integer"), "rules[1].rulePriority"},
		{policy(rule(0, anyCount, expire)), low("0"), "rules[0].rulePriority"},
		{policy(rule(-5, anyCount, expire)), low("-5"), "rules[0].rulePriority"},
		{policy(strings.Replace(rule(1, anyCount, expire), "1", "1.0", 1)), typed("number", "integer"), "rules[0].rulePriority"},
		{policy(strings.Replace(rule(1, anyCount, expire), "1", "1e0", 1)), typed("number", "integer"), "rules[0].rulePriority"},
		{policy(strings.Replace(rule(1, anyCount, expire), "1", "null", 1)), typed("null", "integer"), "rules[0].rulePriority"},
		{with(`"description":null,"selection":{` + anyCount + `},"action":{` + expire + `}`), typed("null", "string"), "rules[0].description"},
		// Selections.
		{with(`"selection":[],"action":{` + expire + `}`), typed("array", "object"), "rules[0].selection"},
		{selection(`"tagStatus":"any"`), missing(`"countNumber","countType"`), "rules[0].selection"},
		{selection(anyCount + `,"count":1`), unknown(`"count"`), "rules[0].selection"},
		{selection(strings.Replace(anyCount, "any", "ANY", 1)), enum(`"ANY"`, statuses), "rules[0].selection.tagStatus"},
		{selection(strings.Replace(anyCount, `"any"`, "null", 1)), enum("null", statuses), "rules[0].selection.tagStatus"},
		{selection(strings.Replace(anyCount, `"any"`, "[]", 1)), enum("[…]", statuses), "rules[0].selection.tagStatus"},
		{selection(strings.Replace(anyCount, `"any"`, "17", 1)), enum("17", statuses), "rules[0].selection.tagStatus"},
		{selection(strings.Replace(anyCount, `"any"`, "{}", 1)), enum("{…}", statuses), "rules[0].selection.tagStatus"},
		{selection(strings.Replace(anyCount, `"any"`, "true", 1)), enum("true", statuses), "rules[0].selection.tagStatus"},
		{selection(`"tagPrefixList":"a",` + anyCount), typed("string", "array"), "rules[0].selection.tagPrefixList"},
		{selection(tagged("tagPatternList", `1`)), typed("integer", "string"), "rules[0].selection.tagPatternList"},
		{selection(tagged("tagPatternList", `"a",""`)), failure + "string \"\" is too short (length: 0, required minimum: 1)\n", "rules[0].selection.tagPatternList"},
		{selection(anyCount + `,"storageClass":"glacier"`), enum(`"glacier"`, `"standard","archive"`), "rules[0].selection.storageClass"},
		{selection(strings.Replace(untagged1, "days", "hours", 1)), enum(`"hours"`, `"days"`), "rules[0].selection.countUnit"},
		{selection(strings.Replace(anyCount, ":1", ":0", 1)), low("0"), "rules[0].selection.countNumber"},
		{selection(strings.Replace(anyCount, ":1", `:"1"`, 1)), typed("string", "integer"), "rules[0].selection.countNumber"},
		{selection(strings.Replace(anyCount, ":1", `:null`, 1)), typed("null", "integer"), "rules[0].selection.countNumber"},
		{selection(strings.Replace(anyCount, ":1", `:true`, 1)), typed("boolean", "integer"), "rules[0].selection.countNumber"},
		// None of the forms of a selection.
		{selection(anyCount + `,"countUnit":"days"`), form4, "rules[0].selection"},
		{selection(anyCount + `,"countUnit":null`), form4, "rules[0].selection"},
		{selection(anyCount + `,"tagPrefixList":null`), form4, "rules[0].selection"},
		{selection(anyCount + `,"tagPatternList":null`), form4, "rules[0].selection"},
		{selection(anyCount + `,"storageClass":null`), form4, "rules[0].selection"},
		{selection(strings.Replace(anyCount, `"imageCountMoreThan"`, "null", 1)), form4, "rules[0].selection"},
		{selection(strings.Replace(anyCount, `"imageCountMoreThan"`, "1", 1)), form4, "rules[0].selection"},
		{selection(strings.Replace(anyCount, "imageCountMoreThan", "sinceTagged", 1)), form4, "rules[0].selection"},
		{selection(strings.Replace(untagged1, `"countUnit":"days",`, "", 1)), form4, "rules[0].selection"},
		{selection(`"tagStatus":"any",` + strings.Replace(archived, `"storageClass":"archive",`, "", 1)), form4, "rules[0].selection"},
		{selection(`"tagStatus":"any",` + strings.Replace(archived, `:"archive"`, `:"standard"`, 1)), form4, "rules[0].selection"},
		{selection(`"tagStatus":"any",` + strings.Replace(archived, `"countUnit":"days",`, "", 1)), form4, "rules[0].selection"},
		// Actions.
		{with(`"selection":{` + anyCount + `},"action":"expire"`), typed("string", "object"), "rules[0].action"},
		{action(""), missing(`"type"`), "rules[0].action"},
		{action(expire + `,"x":1`), unknown(`"x"`), "rules[0].action"},
		{action(`"type":"delete"`), form2, "rules[0].action"},
		{action(`"type":null`), form2, "rules[0].action"},
		{action(expire + `,"targetStorageClass":null`), form2, "rules[0].action"},
		{action(expire + `,"targetStorageClass":"archive"`), form2, "rules[0].action"},
		{action(`"type":"transition","targetStorageClass":"standard"`), form2, "rules[0].action"},
		{action(`"type":"transition","targetStorageClass":null`), form2, "rules[0].action"},
		// Beyond ECR.
		{with(`"selection":{` + anyCount + `},"action":{` + expire + `},"twinport":null`), typed("null", "object"), "rules[0].twinport"},
		{twinport(""), failure + "object has too few properties (found 0 but schema requires at least 1)\n", "rules[0].twinport"},
		{twinport(`"deployed":true`), unknown(`"deployed"`), "rules[0].twinport"},
		{twinport(`"unsigned":false`), enum("false", "true"), "rules[0].twinport.unsigned"},
		{twinport(`"unsigned":"true"`), enum(`"true"`, "true"), "rules[0].twinport.unsigned"},
		{twinport(`"sinceTagged":0`), low("0"), "rules[0].twinport.sinceTagged"},
		{twinport(`"sincePulled":"1"`), typed("string", "integer"), "rules[0].twinport.sincePulled"},
		{twinport(`"sincePulled":2147483648`), parsing, "rules[0]"},
		// What fits the schema and no policy.
		{action(`"type":"transition"`), parsing, "rules[0].action"},
		{policy(rule(2147483648, anyCount, expire)), parsing, "rules[0]"},
		{selection(strings.Replace(anyCount, ":1", ":99999999999999999999", 1)), parsing, "rules[0]"},
		// Rules of the whole.
		{selection(`"tagStatus":"tagged","countType":"imageCountMoreThan","countNumber":1`), failure + "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.", "rules[0].selection"},
		{selection(tagged("tagPrefixList", "")), failure + "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.", "rules[0].selection"},
		{selection(`"tagPatternList":["a"],` + tagged("tagPrefixList", `"a"`)), failure + "If policy has a tagged rule, it must specify only one of tagPrefixList or tagPatternList", "rules[0].selection"},
		{selection(`"tagPrefixList":["a"],` + untagged1), failure + "Cannot specify tagPrefixList with tagStatus UNTAGGED", "rules[0].selection"},
		{selection(`"tagPatternList":["a"],` + anyCount), failure + "Cannot specify tagPatternList with tagStatus ANY", "rules[0].selection"},
		{selection(tagged("tagPatternList", `"a","test*1*2*3*4*5*6"`)), failure + "Invalid tag pattern provided. Total number of * must not exceed 4", "rules[0].selection.tagPatternList"},
		{selection(anyCount + `,"storageClass":"archive"`), failure + "SINCE_IMAGE_PUSHED, SINCE_IMAGE_PULLED and IMAGE_COUNT_MORE_THAN support the STANDARD storage class only", "rules[0].selection"},
		{selection(anyPulled), failure + "SINCE_IMAGE_PULLED supports the TRANSITION action only", "rules[0]"},
		{policy(rule(1, `"tagStatus":"any",`+archived, transition)), failure + "SINCE_IMAGE_TRANSITIONED supports the EXPIRE action only", "rules[0]"},
		{selection(`"tagStatus":"any",` + strings.Replace(archived, "90", "89", 1)), failure + "Images that have been in archive for less than 90 days cannot be deleted", "rules[0].selection.countNumber"},
		{policy(rule(1, untagged1, expire), rule(1, anyCount, expire)), failure + "Duplicate priority in multiple rules", "rules[1].rulePriority"},
		{policy(rule(1, untagged1, expire), rule(2, untagged1, transition)), failure + "Only one rule can select Untagged images per storage class.", "rules[1].selection"},
		{policy(rule(1, anyCount, expire), rule(2, anyCount, transition)), failure + "Only one rule can specify tagStatus=ANY", "rules[1].selection"},
		{policy(rule(1, anyCount, expire), rule(2, untagged1, expire)), failure + "Rule for tagStatus=ANY must have the lowest priority per storage class", "rules[0].selection"},
		{policy(rule(3, untagged1, expire), rule(1, anyCount, expire)), failure + "Rule for tagStatus=ANY must have the lowest priority per storage class", "rules[1].selection"},
		{policy(rule(1, tagged("tagPrefixList", `"a","b"`), expire), rule(2, tagged("tagPrefixList", `"b","a","b"`), transition)),
			failure + "The set of all rules selecting a specific storage class must contain a unique set of prefixes", "rules[1].selection"},
		{policy(rule(1, anyCount, expire), rule(2, anyCount, expire+`},"twinport":{"unsigned":true`)), failure + "Rule for tagStatus=ANY must have the lowest priority per storage class", "rules[0].selection"},
		{policy(rule(1, anyCount, expire+`},"twinport":{"unsigned":true`), rule(2, untagged1, expire+`},"twinport":{"unsigned":true`)), failure + "Rule for tagStatus=ANY must have the lowest priority per storage class", "rules[0].selection"},
		{policy(rule(1, anyCount, expire+`},"twinport":{"sincePulled":1`), rule(2, untagged1, expire)), failure + "Rule for tagStatus=ANY must have the lowest priority per storage class", "rules[0].selection"},
		// Of two faults the first level's is told.
		{policy(rule(1, anyCount, expire), rule(1, strings.Replace(untagged1, "days", "hours", 1), expire)), enum(`"hours"`, `"days"`), "rules[1].selection.countUnit"},
		{policy(rule(1, anyCount, `"type":"transition"`), rule(1, anyCount, expire)), parsing, "rules[0].action"},
	} {
		_, err := Parse(c.text)
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%s: error = %v, want %q", c.text, err, c.want)
			continue
		}
		if e.Constraint != c.want || e.Path != c.path {
			t.Errorf("%s:\n%q at %q, want\n%q at %q", c.text, e.Constraint, e.Path, c.want, c.path)
		}
	}
}

func TestErrorSaysWhere(t *testing.T) {
	_, err := Parse("{\"rules\": [\n  {\"rulePriority\": 1, \"description\": \"é\", \"selection\": {\"tagStatus\": \"all\", " +
		"\"countType\": \"imageCountMoreThan\", \"countNumber\": 1}, \"action\": {\"type\": \"expire\"}}]}")
	want := `line 2, column 70, rules[0].selection.tagStatus: Lifecycle policy validation failure: instance value ("all") ` +
		`not found in enum (possible values: ["tagged","untagged","any"])`
	if err == nil || err.Error() != want {
		t.Errorf("error = %v\nwant    %s", err, want)
	}
	_, err = Parse(strings.Repeat("[", 101))
	if err == nil || err.Error() != "line 1, column 9, document: Lifecycle policy parsing failure: Could not map "+
		"policyString into LifecyclePolicy." {
		t.Errorf("error = %v", err)
	}
}

// An error must not repeat all of a document that is full of faults.
func TestErrorsAreShort(t *testing.T) {
	var members []string
	for i := range 60 {
		members = append(members, fmt.Sprintf(`"%s%d":1`, strings.Repeat("x", 400), i))
	}
	for _, text := range []string{
		`{"rules":1,` + strings.Join(members, ",") + `}`,
		policy(rule(1, strings.Replace(anyCount, `"any"`, strings.Repeat("9", 20000), 1), expire)),
		policy(rule(1, strings.Replace(anyCount, `any`, strings.Repeat("é", 20000), 1), expire)),
		policy(strings.Replace(rule(1, anyCount, expire), ":1", ":-1"+strings.Repeat("0", 20000), 1)),
	} {
		if _, err := Parse(text); err == nil || len(err.Error()) > 4000 {
			t.Errorf("%.200s…: error of %d bytes", text, len(err.Error()))
		}
	}
}

// FuzzParse checks that no text makes Parse panic or point outside of it, and
// that what it accepts has a text that is no longer, and stays the same.
func FuzzParse(f *testing.F) {
	for _, v := range valid {
		f.Add(v.text)
	}
	f.Add(policy(rule(1, tagged("tagPatternList", `"\ud800","\u0000*"`), transition)))
	f.Add(strings.Repeat("{\"rules\":\n[", 20))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Line < 1 || e.Column < 1 || e.Constraint == "" || len(e.Error()) > 4000 {
				t.Fatalf("error = %#v", err)
			}
			return
		}
		once := p.Text()
		if len(once) > len(text) {
			t.Fatalf("%q became longer: %q", text, once)
		}
		again, err := Parse(once)
		if err != nil {
			t.Fatalf("%q became %q: %v", text, once, err)
		}
		if twice := again.Text(); twice != once {
			t.Fatalf("%q became %q and %q", text, once, twice)
		}
	})
}
