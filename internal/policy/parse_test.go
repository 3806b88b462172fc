package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// valid are policies as ECR's and IAM's users write them.
var valid = []struct {
	kind Kind
	text string
}{
	{RegistryPolicy, `{"Version":"2012-10-17","Statement":[{"Sid":"ReplicationAccessCrossAccount","Effect":"Allow",
		"Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":["ecr:CreateRepository","ecr:ReplicateImage"],
		"Resource":["arn:aws:ecr:us-west-2:444455556666:repository/*"]}]}`},
	{RepositoryPolicy, `{"Version":"2008-10-17","Id":"x","Statement":{"Sid":"Allow pull, please: ünïcode","Effect":"Allow","Principal":"*","Action":"ecr:*"}}`},
	{RepositoryPolicy, `{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":["111122223333","arn:aws:iam::111122223333:user/a/b","arn:aws:sts::111122223333:assumed-role/r/s",
		"arn:aws:sts::111122223333:federated-user/f","arn:aws-cn:iam::111122223333:role/x"]},"NotAction":"ecr:Get*","NotResource":"*"},
		{"Sid":"","Effect":"Allow","Principal":{"Service":"codebuild.amazonaws.com","AWS":"*"},"Action":"*","Condition":{}},
		{"Sid":"","Effect":"Allow","Principal":"*","Action":"*","Condition":{"StringEquals":{}}}]}`},
	{RepositoryPolicy, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Condition":{
		"ForAnyValue:StringLike":{"aws:TagKeys":["a*","${aws:username}-${ecr:x, 'd'}${*}"]},"DateLessThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z","aws:EpochTime":1},
		"ArnLikeIfExists":{"aws:SourceArn":"arn:aws:codebuild:*:*:project/p"},"NumericLessThan":{"ecr:n":1.5},"Bool":{"aws:SecureTransport":false},
		"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:db8::/32"]},"Null":{"aws:SourceVpc":true},"BinaryEquals":{"ecr:b":"QUJD"}}}]}`},
	{IdentityPolicy, `{"Version":"2012-10-17","Statement":{"Sid":"Pull1","Effect":"Allow","Action":["ecr:BatchGetImage"],"Resource":"arn:aws:ecr:*:${aws:PrincipalAccount}:repository/${aws:username}/*"}}`},
}

func TestParseAcceptsWhatUsersWrite(t *testing.T) {
	for _, v := range valid {
		if d, err := Parse(v.text, v.kind); err != nil {
			t.Errorf("%s: %v", v.text, err)
		} else if d.Kind != v.kind || len(d.Statements) == 0 {
			t.Errorf("%s: parsed as %+v", v.text, d)
		}
	}
	d := mustParse(t, valid[1].text, RepositoryPolicy)
	if d.Version != DefaultVersion || d.ID != "x" || d.Statements[0].Sid != "Allow pull, please: ünïcode" ||
		d.Statements[0].Effect != Allow {
		t.Errorf("document = %+v", d)
	}
	if d := mustParse(t, valid[2].text, RepositoryPolicy); d.Version != DefaultVersion || d.Statements[0].Effect != Deny {
		t.Errorf("document = %+v", d)
	}
}

// TestParseErrors edits one good policy; ‹…› marks where the error must point.
func TestParseErrors(t *testing.T) {
	const good = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "A", "Effect": "Allow", "Principal": {"AWS": ["111122223333"]}, "Action": ["ecr:*"],
     "Resource": "*", "Condition": {"StringEquals": {"ecr:é": ["x"]}}}
  ]
}`
	tests := []struct {
		old, new      string
		path, problem string // problem is a part of it
	}{
		{`"2012-10-17"`, `‹"2012-10-18"`, "Version", `"2012-10-17"`},
		{`"2012-10-17"`, `‹20121017`, "Version", `"2012-10-17"`},
		{`"Version"`, `‹"version"`, "version", "write Version"},
		{`"Version": "2012-10-17"`, `"Id": ‹1`, "Id", "must be a string"},
		{`"Version": "2012-10-17"`, `"Statement": [], ‹"Statement": []`, "Statement", "second time"},
		{`"Sid": "A"`, `"Sid": ‹["A"]`, "Statement[0].Sid", "must be a string"},
		{`"Sid": "A"`, `‹"Foo": 1`, "Statement[0].Foo", "allowed are Sid, Effect"},
		{`"Sid": "A"`, `"Sid": "A", ‹"Sid": "B"`, "Statement[0].Sid", "second time"},
		{`"Allow"`, `‹"allow"`, "Statement[0].Effect", `"Allow" or "Deny"`},
		{`    {"Sid": "A", "Effect": "Allow",`, `    ‹{"Sid": "A",`, "Statement[0]", "Effect is missing"},
		{`{"AWS": ["111122223333"]}`, `‹"111122223333"`, "Statement[0].Principal", "AWS or Service"},
		{`{"AWS": ["111122223333"]}`, `‹{}`, "Statement[0].Principal", "AWS or Service"},
		{`"AWS": ["111122223333"]`, `"AWS": ‹[]`, "Statement[0].Principal.AWS", "empty"},
		{`"AWS"`, `‹"aws"`, "Statement[0].Principal.aws", "write AWS"},
		{`"AWS"`, `‹"Federated"`, "Statement[0].Principal.Federated", "allowed are AWS and Service"},
		{`"AWS": ["111122223333"]`, `"Service": ‹"*"`, "Statement[0].Principal.Service", "codebuild.amazonaws.com"},
		{`"111122223333"`, `"*", ‹"11112222333"`, "Statement[0].Principal.AWS[1]", "twelve-digit"},
		{`"111122223333"`, `‹"arn:aws:iam::111122223333:user/*"`, "Statement[0].Principal.AWS[0]", "wildcard"},
		{`"111122223333"`, `‹"arn:aws:iam::111122223333:group/g"`, "Statement[0].Principal.AWS[0]", "group"},
		{`"111122223333"`, `‹"arn:aws:iam::111122223333:user/"`, "Statement[0].Principal.AWS[0]", "in full"},
		{`"111122223333"`, `‹"arn:aws:iam:us-east-1:111122223333:root"`, "Statement[0].Principal.AWS[0]", "in full"},
		{`"111122223333"`, `‹"arn:aws:sts::111122223333:assumed-role/r"`, "Statement[0].Principal.AWS[0]", "in full"},
		{`"111122223333"`, `‹"arn:gcp:iam::111122223333:root"`, "Statement[0].Principal.AWS[0]", "in full"},
		{`"111122223333"`, `‹111122223333`, "Statement[0].Principal.AWS[0]", "must be a string"},
		{`"Principal": {`, `"NotPrincipal": "*", ‹"Principal": {`, "Statement[0].Principal", "not both"},
		{`"Sid": "A"`, `"Sid": "A", "Action": "*"`, "Statement[0].Action", "second time"},
		{`["ecr:*"]`, `["ecr:Get*", ‹"PutImage"]`, "Statement[0].Action[1]", "service:Name"},
		{`["ecr:*"]`, `‹{}`, "Statement[0].Action", "must be a string"},
		{`["ecr:*"]`, `[‹["ecr:*"]]`, "Statement[0].Action[0]", "must be a string"},
		{`["ecr:*"]`, `["ecr:*"], ‹"NotAction": "*"`, "Statement[0].NotAction", "not both"},
		{`"*"`, `‹"repository/app"`, "Statement[0].Resource", "ARN"},
		{`"*"`, `‹"arn:aws:*:::x"`, "Statement[0].Resource", "service in full"},
		{`"*"`, `‹"arn:aws:ecr:*:*:repository/${aws:username"`, "Statement[0].Resource", "closing brace"},
		{`"*"`, `‹"arn:aws:ecr:*:*:repository/${aws:username, x}"`, "Statement[0].Resource", "single quotation marks"},
		{`"*"`, `‹"arn:aws:ecr:*:*:repository/${username}"`, "Statement[0].Resource", "not a policy variable"},
		{`{"StringEquals": {"ecr:é": ["x"]}}`, `‹[]`, "Statement[0].Condition", "object of operators"},
		{`{"ecr:é": ["x"]}`, `‹"x"`, "Statement[0].Condition.StringEquals", "object of condition keys"},
		{`"StringEquals"`, `‹"stringEquals"`, "Statement[0].Condition.stringEquals", "write StringEquals"},
		{`"StringEquals"`, `‹"ForSome:StringEquals"`, "Statement[0].Condition.ForSome:StringEquals", "allowed are"},
		{`"StringEquals"`, `‹"NullIfExists"`, "Statement[0].Condition.NullIfExists", "no IfExists"},
		{`"ecr:é"`, `‹"SourceIp"`, "Statement[0].Condition.StringEquals.SourceIp", "service:Name"},
		{`"ecr:é": ["x"]`, `"ecr:é": ["x"], ‹"ECR:É": ["x"]`, "Statement[0].Condition.StringEquals.ECR:É", "no case"},
		{`["x"]`, `["x", ‹null]`, "Statement[0].Condition.StringEquals.ecr:é[1]", "string, number or boolean, not null"},
		{`["x"]`, `‹[]`, "Statement[0].Condition.StringEquals.ecr:é", "empty"},
		{`"StringEquals": {"ecr:é": ["x"]}`, `"NumericEquals": {"ecr:é": [‹"0x10"]}`,
			"Statement[0].Condition.NumericEquals.ecr:é[0]", "write a number"},
		{`"StringEquals": {"ecr:é": ["x"]}`, `"DateEquals": {"ecr:é": [‹"yesterday"]}`,
			"Statement[0].Condition.DateEquals.ecr:é[0]", "write a date"},
		{`"StringEquals": {"ecr:é": ["x"]}`, `"Bool": {"ecr:é": [‹1]}`, "Statement[0].Condition.Bool.ecr:é[0]",
			`"true" or "false"`},
		{`"StringEquals": {"ecr:é": ["x"]}`, `"BinaryEquals": {"ecr:é": [‹"?"]}`,
			"Statement[0].Condition.BinaryEquals.ecr:é[0]", "base64"},
		{`"StringEquals": {"ecr:é": ["x"]}`, `"IpAddress": {"ecr:é": [‹"203.0.113.0/33"]}`,
			"Statement[0].Condition.IpAddress.ecr:é[0]", "CIDR"},
		{`"StringEquals": {"ecr:é": ["x"]}`, `"IpAddress": {"ecr:é": [‹"::ffff:1.2.3.4/95"]}`,
			"Statement[0].Condition.IpAddress.ecr:é[0]", "CIDR"},
		{`"StringEquals": {"ecr:é": ["x"]}`, `"ArnLike": {"ecr:é": [‹"app"]}`, "Statement[0].Condition.ArnLike.ecr:é[0]",
			"ARN"},
		{`"StringEquals": {"ecr:é": ["x"]}`, `"Null": {"ecr:é": ["true", ‹"no"]}`, "Statement[0].Condition.Null.ecr:é[1]",
			`"true" or "false"`},
		{"{\"Sid\": \"A\", \"Effect\": \"Allow\", \"Principal\": {\"AWS\": [\"111122223333\"]}, \"Action\": " +
			"[\"ecr:*\"],\n     \"Resource\": \"*\", \"Condition\": {\"StringEquals\": {\"ecr:é\": [\"x\"]}}}", `‹7`,
			"Statement[0]", "a statement is an object"},
		{"  ]\n", "  ,‹{\"Effect\": \"Deny\", \"Principal\": \"*\"}]\n", "Statement[1]", "Action (or NotAction) is missing"},
		{"  ]\n", "  ,‹{\"Effect\": \"Deny\", \"Action\": \"*\"}]\n", "Statement[1]",
			"Principal (or NotPrincipal) is missing"},
		{`"Resource": "*", "Condition"`, `"Resource": "*" ‹"Condition"`, "Statement[0]", "not JSON"},
		{`["x"]`, `[‹[[]]]`, "Statement[0].Condition.StringEquals.ecr:é[0]", "more deeply"},
		{"  ]\n}", "  ]\n} ‹{}", "", "after the end"},
		{"  ]\n}", "  ]\n}‹,", "", "after the end"},
		{"  ]\n}", "  ]\n}‹:", "", "after the end"},
		{"  ]\n}", "  ]\n‹", "", "ends before"},
		{`"x"`, "\"‹\xff\"", "", "not UTF-8"},
		{good, "‹", "", "ends before"},
		{good, "‹[]", "", "an object with Version"},
		{good, "‹{}", "", "Statement is missing"},
		{good, `{"Statement": ‹[]}`, "Statement", "empty"},
		{good, `{"Statement": ‹null}`, "Statement", "a statement is an object"},
		{good, "‹" + good + strings.Repeat(" ", 10240), "", "at most 10240 characters"},
	}
	mustParse(t, good, RepositoryPolicy)
	for _, tt := range tests {
		if !strings.Contains(good, tt.old) {
			t.Fatalf("%s is not in the policy", tt.old)
		}
		text := strings.Replace(good, tt.old, tt.new, 1)
		before, after, marked := strings.Cut(text, "‹")
		_, err := Parse(before+after, RepositoryPolicy)
		var pe *ParseError
		if !errors.As(err, &pe) {
			t.Errorf("%s is accepted", tt.new)
			continue
		}
		if pe.Path != tt.path || !strings.Contains(pe.Problem, tt.problem) {
			t.Errorf("%s: %v\nwant path %s and %q", tt.new, pe, tt.path, tt.problem)
		}
		if lines := strings.Split(before, "\n"); marked &&
			(pe.Line != len(lines) || pe.Column != len([]rune(lines[len(lines)-1]))+1) {
			t.Errorf("%s: points at line %d, column %d; want %d, %d", tt.new, pe.Line, pe.Column, len(lines),
				len([]rune(lines[len(lines)-1]))+1)
		}
		if !strings.HasPrefix(pe.Error(), "line ") {
			t.Errorf("Error() = %s", pe)
		}
	}
}

// ECR takes a repository policy whose statements share a Sid.
func TestSidsThatStatementsShare(t *testing.T) {
	const text = `{"Statement": [{"Sid": "A", "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
		{"Sid": "A", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}`
	if got := len(mustParse(t, text, RepositoryPolicy).Statements); got != 2 {
		t.Errorf("%d statements", got)
	}
	for _, of := range []struct {
		kind Kind
		text string
	}{{RegistryPolicy, text}, {IdentityPolicy, strings.ReplaceAll(text, `"Principal": "*", `, "")}} {
		var problem *ParseError
		if _, err := Parse(of.text, of.kind); !errors.As(err, &problem) || problem.Path != "Statement[1]" ||
			!strings.Contains(problem.Problem, "unique") {
			t.Errorf("a %s: %v", of.kind, err)
		}
	}
}

// What is about to be set must be able to do something; what was set before is
// evaluated as it always was.
func TestParseNew(t *testing.T) {
	in := Registry{Account: "444455556666", Region: "us-west-2"}
	const home = "arn:aws:ecr:us-west-2:444455556666:repository/"
	statement := func(rest string) string {
		return `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", ` + rest + `}]}`
	}
	for resources, want := range map[string]string{ // "" if it is accepted, else what it should be
		`"*"`:                            "",
		`"` + home + `*"`:                "",
		`"` + home + `team/app"`:         "",
		`"arn:*:ecr:*:*:repository/x?"`:  "",
		`"arn:aws:ecr:*:repository/app"`: "",
		`"arn:aws:ecr:*"`:                "",
		`"arn:aws:ecr"`:                  "",
		`"arn:aws:ecr:us-west-2"`:        "",
		`"arn:aws:ecr:us-west-2:${aws:PrincipalAccount}:repository/${aws:username}/*"`: "",
		`"${aws:PrincipalTag/arn}"`: "",
		// one text for several registries
		`["arn:aws:ecr:us-east-1:444455556666:repository/*", "` + home + `*"]`:                           "",
		`"arn:aws:us-west-2:444455556666:repository/team/*"`:                                             home + "team/*",
		`"arn:aws:ecr:us-east-1:444455556666:repository/*"`:                                              home + "*",
		`"arn:aws:ecr:us-west-2:111122223333:repository/app"`:                                            home + "app",
		`"arn:aws:ecr:us-east-1"`:                                                                        home + "*",
		`"arn:aws:ecr:us-west-2:444455556666:app"`:                                                       home + "*",
		`"arn:aws:ecr:us-west-2:444455556666:repository/App"`:                                            home + "*",
		`"arn:aws:ecr:us-west-2:444455556666:repository/app:latest"`:                                     home + "*",
		`"arn:aws-cn:ecr:us-west-2:444455556666:repository/app"`:                                         home + "app",
		`"arn:aws:s3:::bucket/*"`:                                                                        home + "*",
		`["` + home + `*", "arn:aws:us-west-2:444455556666:repository/*"]`:                               home + "*",
		`["arn:aws:ecr:us-east-1:444455556666:repository/a", "arn:aws:ecr:*:111122223333:repository/b"]`: home + "a",
	} {
		for _, element := range []string{"Resource", "NotResource"} {
			text := statement(fmt.Sprintf(`"Principal": "*", %q: %s`, element, resources))
			for _, kind := range []Kind{RegistryPolicy, RepositoryPolicy} {
				mustParse(t, text, kind) // set before
				_, err := ParseNew(text, kind, in)
				var problem *ParseError
				if want == "" && err != nil || want != "" &&
					(!errors.As(err, &problem) || !strings.HasPrefix(problem.Path, "Statement[0]."+element) ||
						!strings.Contains(problem.Problem, quote(want))) {
					t.Errorf("%s %s in a %s: %v, want %q", element, resources, kind, err, want)
				}
			}
			if _, err := ParseNew(statement(fmt.Sprintf("%q: %s", element, resources)), IdentityPolicy, in); err != nil {
				t.Errorf("%s in an identity policy: %v", resources, err)
			}
		}
	}
	others := statement(`"NotPrincipal": {"AWS": "111122223333"}, "Resource": "*"`)
	mustParse(t, others, RegistryPolicy)
	if _, err := ParseNew(others, RegistryPolicy, in); err == nil ||
		!strings.Contains(err.Error(), "NotPrincipal stands only with") {
		t.Errorf("NotPrincipal in an Allow: %v", err)
	}
	if _, err := ParseNew(strings.Replace(others, "Allow", "Deny", 1), RegistryPolicy, in); err != nil {
		t.Errorf("NotPrincipal in a Deny: %v", err)
	}
}

func TestParseDependsOnKind(t *testing.T) {
	const (
		whole      = `{"Statement": {"Sid": "a b", "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}`
		noResource = `{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*"}}`
		identity   = `{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`
		spaced     = `{"Statement": {"Sid": "a b", "Effect": "Allow", "Action": "*", "Resource": "*"}}`
		trust      = `{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}`
	)
	long := func(text string, n int) string { return text + strings.Repeat(" ", n-len(text)) }
	longID := func(text string, n int) string {
		return strings.Replace(text, `{`, `{"Id":"`+strings.Repeat("x", n-Size(text)-len(`"Id":"",`))+`",`, 1)
	}
	tests := []struct {
		text                                string
		repository, registry, person, trust bool
	}{
		{whole, true, true, false, false},
		{noResource, true, false, false, false},
		{identity, false, false, true, false},
		{spaced, false, false, false, false},
		{trust, true, false, false, true},
		{strings.Replace(trust, `"Effect"`, `"Sid": "a b", "Effect"`, 1), true, false, false, false},
		{strings.Replace(trust, `"*"`, `{"Federated": "arn:aws:iam::111122223333:oidc-provider/example.org/ci"}`, 1),
			false, false, false, true},
		{long(identity, 40960), false, false, true, false},
		{long(identity, 40961), false, false, false, false},
		{longID(identity, 10240), false, false, true, false},
		{longID(identity, 10241), false, false, false, false},
		{long(trust, 8192), true, false, false, true},
		{long(trust, 8193), true, false, false, false},
		{longID(trust, 2048), true, false, false, true},
		{longID(trust, 2049), true, false, false, false},
		{long(whole, 10240), true, true, false, false},
		{long(whole, 10241), false, false, false, false},
		{long(whole, 1<<20), false, false, false, false},
	}
	for _, tt := range tests {
		for kind, want := range map[Kind]bool{
			RepositoryPolicy: tt.repository, RegistryPolicy: tt.registry, IdentityPolicy: tt.person, TrustPolicy: tt.trust,
		} {
			if _, err := Parse(tt.text, kind); (err == nil) != want {
				t.Errorf("%.90s (%d) as %s: %v", tt.text, len(tt.text), kind, err)
			}
		}
	}
}

// The limit counts characters, not bytes.
func TestLimitCountsCharacters(t *testing.T) {
	before, after := `{"Id": "`, `", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "*"}}`
	text := before + strings.Repeat("あ", 10240-len(before)-len(after)) + after
	mustParse(t, text, RepositoryPolicy)
	if _, err := Parse(text+" ", RepositoryPolicy); err == nil {
		t.Error("10,241 characters are accepted")
	}
}

// A hostile document must not blow up the error.
func TestErrorsAreShort(t *testing.T) {
	for _, text := range []string{
		`{"` + strings.Repeat("x", 9000) + `": 1}`,
		`{"Statement": {"Action": "` + strings.Repeat("x", 9000) + `"}}`,
		`{"Statement": {"Resource": "arn:aws:ecr:::${` + strings.Repeat("x", 9000) + `}"}, "Version": "2012-10-17"}`,
		`{"Statement": {"Condition": {"` + strings.Repeat("x", 9000) + `": {}}}}`,
	} {
		if _, err := Parse(text, RepositoryPolicy); err == nil || len(err.Error()) > 1000 {
			t.Errorf("error of %d bytes for %.40s", len(err.Error()), text)
		}
	}
}
