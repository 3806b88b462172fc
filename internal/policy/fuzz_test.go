package policy

import (
	"errors"
	"testing"
)

// FuzzParse checks that no text makes Parse panic or point outside of it, and
// that whatever it accepts evaluates and explains.
func FuzzParse(f *testing.F) {
	for _, v := range valid {
		f.Add(v.text, int(v.kind))
	}
	f.Add(
		`{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": {"ForAllValues:ArnNotLikeIfExists": {"a:b": ["arn:aws::*?${a:b}", 1e9, true]}}}, "Version": "2012-10-17"}`, 0)
	f.Add(`{"Statement": [{}, {"Sid": "a", "Sid": "b"}], "\ud800": [[[[[[[]]]]]]]}`, 1)
	for _, v := range ofIAM {
		f.Add(v.text, int(v.kind))
	}
	f.Add("{\"Version\":\n\"2012-10-17\",\"Statement\":{\"Resource\":\"${a:b, '}'\"}", 2)
	ctx := newContext(map[string][]string{
		"aws:SourceIp": {"2001:db8::1"}, "aws:TagKeys": {"a", "é\xff", ""}, "a:b": {"arn:aws:ecr:::x*?"}, "ecr:n": {"1e3"},
		"ecr:none": {},
	})
	f.Fuzz(func(t *testing.T, text string, kind int) {
		k := Kind(((kind % 4) + 4) % 4)
		doc, err := Parse(text, k)
		if _, errNew := ParseNew(text, k, Registry{"444455556666", "us-west-2"}); err != nil && errNew == nil {
			t.Fatal("a new policy may be what a stored one may not")
		}
		if err != nil {
			var pe *ParseError
			if !errors.As(err, &pe) || pe.Line < 1 || pe.Column < 1 || pe.Problem == "" {
				t.Fatalf("error = %#v", err)
			}
			if len(pe.Error()) > 4000 {
				t.Fatalf("an error of %d bytes", len(pe.Error()))
			}
			return
		}
		ps := []Policy{{Name: "p", Document: doc}}
		for _, who := range []Principal{root1, user1, session1, federated1, root2, build, nobody} {
			for _, resource := range []string{app1, "*", ""} {
				req := Request{
					Principal: who, Action: "ecr:BatchGetImage", Resource: resource, ResourceAccount: "111122223333", Context: ctx,
				}
				for _, by := range []Policies{
					{Identity: ps}, {Resource: ps}, {Boundary: &ps[0]}, {Session: ps},
					{Identity: ps, Boundary: &ps[0], Session: ps, Resource: ps},
				} {
					d := Authorize(t.Context(), req, by)
					if d.Reason() == "" || d.Allowed() != (d.Message() == "") {
						t.Fatalf("decision %v: %q, %q", d.Outcome, d.Reason(), d.Message())
					}
				}
			}
		}
	})
}
