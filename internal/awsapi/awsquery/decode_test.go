package awsquery

import (
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
)

var (
	limitsName = awsjson.StringLimits{Min: 1, Max: 4, Pattern: awsjson.Whole(`[a-z]*`)}
	limitsKind = awsjson.StringLimits{Min: awsjson.Unlimited, Max: awsjson.Unlimited, Values: []string{"A", "B"}}
)

type kind string

type tag struct{ Key, Value string }

func (v *tag) Decode(d *Decoder) {
	v.Key = d.String("Key", Required, &limitsName)
	v.Value = d.String("Value", Optional, nil)
}

type thing struct {
	Name        string
	Description *string
	Kind        kind
	Count       int32
	Really      bool
	Names       []string
	Tags        []tag
}

func (v *thing) Decode(d *Decoder) {
	v.Name = d.String("Name", Required, &limitsName)
	v.Description = d.OptionalString("Description", nil)
	v.Kind = Enum[kind](d, "Kind", Optional, &limitsKind)
	v.Count = d.Int32("Count", Optional, 1, 10)
	v.Really = d.Bool("Really", Optional)
	v.Names = Strings[string](d, "Names", Optional, awsjson.Unlimited, 3, &limitsName)
	v.Tags = Structures[tag](d, "Tags", Optional, awsjson.Unlimited, 2)
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		form string
		want thing
	}{
		{"Name=x", thing{Name: "x"}},
		{"Name=x&Description=&Kind=B&Count=10&Really=true&Unknown=1&Names.other=x", thing{
			Name: "x", Description: new(""), Kind: "B", Count: 10, Really: true,
		}},
		{"Name=x&Names=&Tags=&Really=false", thing{Name: "x", Names: []string{}, Tags: []tag{}}},
		{"Name=x&Names.member.10=c&Names.member.2=b&Names.member.1=a", thing{Name: "x", Names: []string{"a", "b", "c"}}},
		{"Name=x&Tags.member.1.Key=k&Tags.member.1.Value=a%2Bb+%C3%A9&Tags.member.3.Key=l", thing{
			Name: "x", Tags: []tag{{"k", "a+b é"}, {Key: "l"}},
		}},
	} {
		form, err := ParseForm(c.form)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read[thing](form)
		if err != nil || !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s: %+v, %v", c.form, got, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	const one = "1 validation error detected: "
	for form, want := range map[string]string{
		"":                  one + "Value null at 'name' failed to satisfy constraint: Member must not be null",
		"Name=X":            one + "Value 'X' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]*",
		"Name=":             one + "Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1",
		"Name=x&Kind=C":     one + "Value 'C' at 'kind' failed to satisfy constraint: Member must satisfy enum value set: [A, B]",
		"Name=x&Count=0":    one + "Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1",
		"Name=x&Count=11":   one + "Value '11' at 'count' failed to satisfy constraint: Member must have value less than or equal to 10",
		"Name=x&Count=+1":   one + "Value ' 1' at 'count' failed to satisfy constraint: Member must be a whole number of 32 bits",
		"Name=x&Count=01":   one + "Value '01' at 'count' failed to satisfy constraint: Member must be a whole number of 32 bits",
		"Name=x&Count=1e1":  one + "Value '1e1' at 'count' failed to satisfy constraint: Member must be a whole number of 32 bits",
		"Name=x&Count=1.0":  one + "Value '1.0' at 'count' failed to satisfy constraint: Member must be a whole number of 32 bits",
		"Name=x&Really=yes": one + "Value 'yes' at 'really' failed to satisfy constraint: Member must be true or false",
		"Name=x&Names.member.1=a&Names.member.2=b&Names.member.3=c&Names.member.4=d": one + "Value at 'names' failed to " +
			"satisfy constraint: Member must have length less than or equal to 3",
		"Name=x&Names.member.1=a&Names.member.2=": one + "Value '[a ]' at 'names' failed to satisfy constraint: Member must " +
			"satisfy constraint: [Member must have length less than or equal to 4, Member must have length greater than or " +
			"equal to 1, Member must satisfy regular expression pattern: [a-z]*]",
		"Name=x&Tags.member.1.Key=k&Tags.member.2.Key=K": one + "Value 'K' at 'tags.2.member.key' failed to satisfy " +
			"constraint: Member must satisfy regular expression pattern: [a-z]*",
		"Name=x&Tags.member.1.Value=v": one + "Value null at 'tags.1.member.key' failed to satisfy constraint: Member must " +
			"not be null",
		"Name=ABCDE": "2 validation errors detected: Value 'ABCDE' at 'name' failed to satisfy constraint: Member must have " +
			"length less than or equal to 4; Value 'ABCDE' at 'name' failed to satisfy constraint: Member must satisfy " +
			"regular expression pattern: [a-z]*",
		"Name=x&Name=y":               "The parameter Name is given 2 times",
		"Name=%FF":                    "The parameter Name is not UTF-8",
		"Name=x&Names=a":              "The parameter Names is a list: its elements are Names.member.1 and so on",
		"Name=x&Names.member.0=a":     "The parameter Names.member.0 is no element of a list: they are numbered from 1",
		"Name=x&Names.member.01=a":    "The parameter Names.member.01 is no element of a list: they are numbered from 1",
		"Name=x&Tags.member.Key=a":    "The parameter Tags.member.Key is no element of a list: they are numbered from 1",
		"Name=x&Tags.member.-1.Key=a": "The parameter Tags.member.-1.Key is no element of a list: they are numbered from 1",
		"Name=x&Names.member.4294967297=a": "The parameter Names.member.4294967297 is no element of a list: they are " +
			"numbered from 1",
		"%zz":                               "The form of the request is not valid",
		strings.Repeat("a&", maxParameters): "The request has 1001 parameters; at most 1000 are allowed",
	} {
		_, err := readText(form)
		e, ok := err.(*awsjson.Exception)
		if !ok || e.Message != want || e.Status != 400 {
			t.Errorf("%.80s:\n got %v\nwant %s", form, err, want)
			continue
		}
		code := ValidationError
		if !strings.Contains(want, "detected") {
			code = MalformedQueryString
		}
		if e.Code != code {
			t.Errorf("%.80s: %s, want %s", form, e.Code, code)
		}
	}
}

func readText(text string) (*thing, error) {
	form, err := ParseForm(text)
	if err != nil {
		return nil, err
	}
	return Read[thing](form)
}

// A message does not grow with the request.
func TestLongMessages(t *testing.T) {
	form := url.Values{"Name": {strings.Repeat("É", 10_000)}}
	for i := range 300 {
		form.Set("Tags.member."+string(rune('1'+i%9))+strings.Repeat("1", i/9%6)+".Key", "K")
	}
	_, err := Read[thing](form)
	if err == nil || len(err.Error()) > 8<<10 || !strings.Contains(err.Error(), "ÉÉ...' at 'name'") ||
		!strings.Contains(err.Error(), "20 validation errors detected") {
		t.Errorf("%d bytes: %.200v", len(err.Error()), err)
	}
}
