package awsapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// breach is a value, as JSON, with one constraint of the model broken.
type breach struct {
	json       string
	at         string // what the message names; "" if the value is no breach, or is not of the right type
	constraint string
	mistyped   bool // it has another JSON type
}

// breaches of a value of the shape, which the message names by at.
func breaches(t *testing.T, name, at string) (all []breach) {
	t.Helper()
	s := shapes[name]
	bad := func(json, format string, args ...any) {
		all = append(all, breach{json: json, at: at, constraint: fmt.Sprintf(format, args...)})
	}
	types := func(values ...string) {
		for _, value := range values {
			all = append(all, breach{json: value, mistyped: true})
		}
	}
	switch s.kind {
	case "structure":
		return structureBreaches(t, name, at)
	case "list":
		return listBreaches(t, name, at)
	case "string":
		types("1", "true", "{}", "[]")
		must := "Member must"
		if s.own {
			must = "must"
		}
		switch {
		case len(s.values) > 0:
			for _, value := range []string{"", "no-value", strings.ToLower(s.values[0]) + " "} {
				bad(quoted(value), "Member must satisfy enum value set: [%s]", strings.Join(s.values, ", "))
			}
			return all
		case s.low == nil && s.pattern == "" && wanted[name] == nil, s.low != nil && *s.low == 0:
			all = append(all, breach{json: `""`})
		}
		if s.low != nil && *s.low > 0 {
			bad(quoted(strings.Repeat("é", *s.low-1)), "%s have length greater than or equal to %d", must, *s.low)
		}
		if s.high != nil {
			bad(quoted(strings.Repeat("é", *s.high+1)), "%s have length less than or equal to %d", must, *s.high)
		}
		if s.pattern != "" {
			wrong := texts(t, name)[0][:len(texts(t, name)[0])-1] + "!"
			if s.own {
				bad(quoted(wrong), "must satisfy regular expression '%s'", strings.ReplaceAll(s.pattern, `\/`, "/"))
			} else {
				bad(quoted(wrong), "Member must satisfy regular expression pattern: %s", s.pattern)
			}
			bad(quoted(texts(t, name)[0]+"\n"), "%s", all[len(all)-1].constraint)
		}
	case "integer", "long":
		types(`"1"`, "1.5", "true", "{}", "[]", "99999999999999999999")
		if s.low != nil {
			bad(fmt.Sprint(*s.low-1), "Member must have value greater than or equal to %d", *s.low)
		}
		if s.high != nil {
			bad(fmt.Sprint(*s.high+1), "Member must have value less than or equal to %d", *s.high)
		}
	case "boolean":
		types(`"true"`, "1", "{}", "[]")
	case "blob":
		types("1", `"no base64"`, "{}", "[]")
		if s.high != nil {
			bad(quoted(base64.StdEncoding.EncodeToString(make([]byte, *s.high+1))), "Member must have length less than or "+
				"equal to %d", *s.high)
		}
	}
	return all
}

func structureBreaches(t *testing.T, name, at string) (all []breach) {
	t.Helper()
	s, whole := shapes[name], sample(t, name)
	all = append(all, breach{json: "[]", mistyped: true}, breach{json: `"x"`, mistyped: true})
	all = append(all, breach{json: whole[:len(whole)-1] + `,"unknownMember":[{"a":null},1.5e3]}`})
	if len(s.members) == 0 {
		all[len(all)-1].json = `{"unknownMember":[{"a":null},1.5e3]}`
	}
	if at != "" {
		at += "."
	}
	for _, m := range s.members {
		for _, absent := range []string{s.with(t, whole, m.name, ""), s.with(t, whole, m.name, "null")} {
			b := breach{json: absent}
			if m.required {
				b.at, b.constraint = at+m.name, "Member must not be null"
				if shapes[m.shape].own {
					b.constraint = "must not be null"
				}
			}
			all = append(all, b)
		}
		for _, b := range breaches(t, m.shape, at+m.name) {
			b.json = s.with(t, whole, m.name, b.json)
			all = append(all, b)
		}
	}
	return all
}

func listBreaches(t *testing.T, name, at string) (all []breach) {
	t.Helper()
	s := shapes[name]
	one, element := sample(t, s.element), shapes[s.element]
	all = append(all, breach{json: "{}", mistyped: true}, breach{json: `"x"`, mistyped: true})
	of := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + "]" }
	if s.low == nil || *s.low == 0 {
		all = append(all, breach{json: "[]"})
	} else {
		all = append(all, breach{
			json: of(*s.low - 1), at: at, constraint: fmt.Sprintf("Member must have length greater than or equal to %d", *s.low),
		})
	}
	if s.high != nil {
		all = append(all, breach{
			json: of(*s.high + 1), at: at, constraint: fmt.Sprintf("Member must have length less than or equal to %d", *s.high),
		})
	}
	parent := at[:strings.LastIndex(at, ".")+1]
	for _, b := range breaches(t, s.element, at+".2.member") {
		b.json = "[" + one + "," + b.json + "]"
		if b.at != "" && element.kind == "string" {
			if b.at = at; element.elementName != "" {
				b.at = parent + element.elementName
			} else {
				b.constraint = "Member must satisfy constraint: [" + strings.Join(elementConstraints(element), ", ") + "]"
			}
		}
		all = append(all, b)
	}
	return all
}

// elementConstraints are all that an element of a list must satisfy.
func elementConstraints(s shape) (all []string) {
	if s.high != nil {
		all = append(all, fmt.Sprintf("Member must have length less than or equal to %d", *s.high))
	}
	if s.low != nil {
		all = append(all, fmt.Sprintf("Member must have length greater than or equal to %d", *s.low))
	}
	if s.pattern != "" {
		all = append(all, "Member must satisfy regular expression pattern: "+s.pattern)
	}
	if len(s.values) > 0 {
		all = append(all, "Member must satisfy enum value set: ["+strings.Join(s.values, ", ")+"]")
	}
	return all
}

// inOrder sorts what a message lists of an enum: ECR has an order of its own
// (TestLimits has an example).
func inOrder(message string) string {
	return enumValues.ReplaceAllStringFunc(message, func(set string) string {
		values := strings.Split(strings.Trim(set, "[]"), ", ")
		slices.Sort(values)
		return "[" + strings.Join(values, ", ") + "]"
	})
}

var (
	enumValues = regexp.MustCompile(`\[[A-Za-z0-9_-]+(, [A-Za-z0-9_-]+)*\]`)
	ofTheModel = regexp.MustCompile(`^Invalid parameter at '\S+' failed to satisfy constraint: '(Member )?must (not|have|satisfy) `)
)

// TestEveryConstraint calls every operation of ECR with every constraint of its
// request broken, one at a time, and with what breaks none: members that are
// null, empty or unknown.
func TestEveryConstraint(t *testing.T) {
	a := newAPI(t)
	tried := 0
	for _, operation := range slices.Sorted(maps.Keys(requests)) {
		all := append(breaches(t, requests[operation], ""), breach{json: sample(t, requests[operation])})
		for _, b := range all {
			tried++
			resp, text := a.post(t, ecrOf+operation, "application/x-amz-json-1.1", b.json)
			var got struct {
				Type    string `json:"__type"`
				Message string
			}
			if err := json.Unmarshal([]byte(text), &got); err != nil || resp.StatusCode >= 500 {
				t.Fatalf("%s of %.300s: %d %.300s", operation, b.json, resp.StatusCode, text)
			}
			refused := func(code, message string) bool {
				return resp.StatusCode == 400 && resp.Header.Get("X-Amzn-Errortype") == code && got.Type == code &&
					inOrder(got.Message) == inOrder(message)
			}
			switch {
			case b.mistyped:
				if got.Type != "SerializationException" || resp.StatusCode != 400 {
					t.Errorf("%s of %.300s: %d %.300s\nwant a SerializationException", operation, b.json, resp.StatusCode, text)
				}
			case b.at != "":
				message := fmt.Sprintf("Invalid parameter at '%s' failed to satisfy constraint: '%s'", b.at, b.constraint)
				if !refused("InvalidParameterException", message) {
					t.Errorf("%s of %.300s: %d %s\n got %s\nwant %s", operation, b.json, resp.StatusCode, got.Type, got.Message, message)
				}
			case got.Type == "SerializationException" || ofTheModel.MatchString(got.Message):
				t.Errorf("%s of %.300s: %.300s\nwant no breach of the model", operation, b.json, text)
			}
		}
	}
	t.Logf("%d requests", tried)
}
