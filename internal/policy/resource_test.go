package policy

import "testing"

func TestResources(t *testing.T) {
	const app = "arn:aws:ecr:us-east-1:111122223333:repository/team/app"
	tests := []struct {
		pattern, resource string
		want              bool
	}{
		{"*", app, true}, {"*", "*", true}, {app, app, true}, {app, "*", false}, {app, app + "s", false},
		{"arn:aws:ecr:*:*:repository/*", app, true},
		{"arn:aws:ecr:us-east-?:111122223333:repository/team/*", app, true},
		{"arn:aws:ecr:*:repository/*", app, true}, // a wildcard reaches across colons
		{"arn:aws:ecr:*:repository/team/app", app, true},
		{"arn:aws:ecr:*team/app", app, true},
		{"arn:aws:ecr:us-east-1:?:repository/team/app", app, false},
		{"arn:aws:ecr:us-east-1:1???????????:repository/team/app", app, true},
		{"arn:aws:ecr:${aws:PrincipalTag/rest}", app, false}, // the parts that lack are whatever they are: not a value's
		{"${aws:PrincipalTag/whole}", app, true},
		{"arn:aws:ecr:*:111122223333:*", app, true},
		{"arn:aws:ecr:*:999922223333:repository/*", app, false},
		{"arn:aws:ecr:us-west-2:*:repository/*", app, false},
		{"arn:aws:s3:::*", app, false},
		{"arn:aws:ecr", app, true}, // IAM completes it
		{"arn:aws:ecr:us-east-1", app, true},
		{"arn:aws:ecr:eu-west-1", app, false},
		{"arn:aws:ecr:*:*:a*c", "arn:aws:ecr:us-east-1:111122223333:a:b:c", true},
		{"arn:aws:ecr:*:${aws:PrincipalAccount}:repository/*", app, true},
		{"arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}/*", app, true},
		{"arn:aws:ecr:*:*:repository/${aws:PrincipalTag/none}*", app, false},
		{"arn:aws:ecr:*:*:repository/${aws:PrincipalTag/none, 'team'}/*", app, true},
		{"arn:aws:ecr:*:${aws:PrincipalTag/colons}:repository/team/app", app, false},
		{"arn:aws:ecr:*:*:repository/${aws:PrincipalTag/star}", app, false},
	}
	for _, tt := range tests {
		p, err := newResource(tt.pattern, true)
		if err != nil {
			t.Errorf("newResource(%q): %v", tt.pattern, err)
			continue
		}
		for _, negated := range []bool{false, true} {
			ev := newTestEvaluation(&Request{
				Principal: Principal{Account: "111122223333"},
				Resource:  tt.resource,
				Context: newContext(map[string][]string{"aws:PrincipalTag/team": {"team"}, "aws:PrincipalTag/star": {"*"},
					"aws:PrincipalTag/colons": {"*:*"},
					"aws:PrincipalTag/rest":   {"us-east-1:111122223333:repository/team/app"}, "aws:PrincipalTag/whole": {app}}),
			})
			r := resources{patterns: []resource{p}, negated: negated}
			if got := r.cover(&ev); got != (tt.want != negated) {
				t.Errorf("%q (negated %v) covers %s = %v", tt.pattern, negated, tt.resource, got)
			}
		}
	}
	for _, bad := range []string{
		"", "app", "repository/app", "arn", "arn:aws", "arn:aws:", "arn:aws:*:::x", "arn:aws:ec?:::x", "ARN:aws:ecr:::x",
		"**", "arn:aws:ecr:::${a", "${a", "arn:aws:ecr:::${b}",
	} {
		if _, err := newResource(bad, true); err == nil {
			t.Errorf("newResource(%q) is accepted", bad)
		}
	}
}
