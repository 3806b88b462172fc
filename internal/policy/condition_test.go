package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// holds evaluates one condition on a request of user ci whose context has
// ecr:Key with the values.
func holds(t *testing.T, operator, operands string, values []string) bool {
	t.Helper()
	text := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "*",
		"Condition": {%q: {"ecr:Key": %s}}}}`, operator, operands)
	req := Request{
		Principal:       Principal{Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/team/ci"},
		Action:          "ecr:BatchGetImage",
		Resource:        "arn:aws:ecr:us-east-1:111122223333:repository/app",
		ResourceAccount: "111122223333",
		Context: newContext(map[string][]string{
			"aws:PrincipalTag/team": {"blue"}, "aws:PrincipalTag/odd": {"a*"}, "aws:PrincipalTag/bytes": {"\xff"},
		}),
	}
	if values != nil {
		req.Context.Add("ECR:key", values...)
	}
	return authorize(req, nil, []Policy{{Document: mustParse(t, text, RepositoryPolicy)}}).Allowed()
}

func mustParse(t testing.TB, text string, kind Kind) *Document {
	t.Helper()
	d, err := Parse(text, kind)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return d
}

func TestOperators(t *testing.T) {
	const (
		arn  = `"arn:aws:ecr:us-east-1:111122223333:repository/app"`
		noon = `"2026-11-23T12:00:00Z"`
	)
	tests := []struct {
		operator, operands string
		yes, no            []string // single values for which the condition holds, and does not
		missing            bool     // whether it holds without the key
	}{
		{"StringEquals", `"a"`, []string{"a"}, []string{"A", "ab", ""}, false},
		{"StringEquals", `"a*"`, []string{"a*"}, []string{"ab"}, false},
		{"StringEquals", `["a", "b"]`, []string{"a", "b"}, []string{"c"}, false},
		{"StringEquals", `10`, []string{"10"}, []string{"10.0"}, false},
		{"StringEquals", `true`, []string{"true"}, []string{"false"}, false},
		{"StringNotEquals", `"a"`, []string{"A", "b"}, []string{"a"}, true},
		{"StringNotEquals", `["a", "b"]`, []string{"c"}, []string{"a", "b"}, true},
		{"StringEqualsIgnoreCase", `"Äb"`, []string{"äB", "Äb"}, []string{"ab"}, false},
		{"StringNotEqualsIgnoreCase", `"Ab"`, []string{"a"}, []string{"aB"}, true},
		{"StringLike", `"a*c?"`, []string{"acd", "abbcd"}, []string{"ac", "Acd", "abbc"}, false},
		{"StringLike", `"a${*}${?}${$}"`, []string{"a*?$"}, []string{"abc$"}, false},
		{"StringNotLike", `"a*"`, []string{"b", ""}, []string{"a", "ab"}, true},
		{"StringEquals", `"${aws:PrincipalTag/team}"`, []string{"blue"}, []string{"red", ""}, false},
		{"StringEquals", `"${aws:PrincipalTag/none}"`, nil, []string{"", "${aws:PrincipalTag/none}"}, false},
		{"StringNotEquals", `"${aws:PrincipalTag/none}"`, []string{"", "x"}, nil, true},
		{"StringEquals", `"x-${aws:PrincipalTag/none, 'all'}-y"`, []string{"x-all-y"}, []string{"x--y"}, false},
		{"StringEquals", `"${aws:username}/${aws:PrincipalAccount}"`, []string{"ci/111122223333"},
			[]string{"team/ci/111122223333"}, false},
		{"StringLike", `"${aws:PrincipalTag/odd}*"`, []string{"a*b"}, []string{"ab"}, false},
		{"StringLike", `"${aws:PrincipalTag/bytes}"`, nil, []string{"anything", "\xff"}, false},

		{"NumericEquals", `10`, []string{"10", "10.0", "1e1"}, []string{"11", "ten", "", "0xa"}, false},
		{"NumericNotEquals", `10`, []string{"11", "ten"}, []string{"10"}, true},
		{"NumericLessThan", `"10"`, []string{"9.9", "-20"}, []string{"10", "11", "-inf", "nan"}, false},
		{"NumericLessThanEquals", `10`, []string{"9", "10"}, []string{"10.1"}, false},
		{"NumericGreaterThan", `10`, []string{"10.5"}, []string{"10", "9", "inf"}, false},
		{"NumericGreaterThanEquals", `[10, 20]`, []string{"10", "15"}, []string{"9"}, false},

		{"DateEquals", noon, []string{
			"2026-11-23T12:00:00Z", "2026-11-23T13:00+01:00", "2026-11-23T12:00:00.000Z", "1795435200",
		}, []string{"2026-11-23", "noon"}, false},
		{"DateNotEquals", noon, []string{"2026-11-23", "noon"}, []string{"1795435200"}, true},
		{"DateLessThan", noon, []string{
			"2026-11-23T11:59:59.9Z", "2026", "0",
		}, []string{"2026-11-23T12:00:00Z", "2027", "soon"}, false},
		{"DateLessThanEquals", noon, []string{"2026-11-23T12:00:00Z"}, []string{"2026-12"}, false},
		{"DateGreaterThan", `1795435200`, []string{"2026-12-01"}, []string{"2026-11-23T12:00:00Z"}, false},
		{"DateGreaterThanEquals", `"2026-11"`, []string{"2026-11-01"}, []string{"2026-10-31"}, false},

		{"Bool", `"true"`, []string{"true", "True"}, []string{"false", "yes", ""}, false},
		{"Bool", `false`, []string{"false"}, []string{"true"}, false},
		{"Bool", `"${aws:PrincipalIsAWSService}"`, []string{"false"}, []string{"true"}, false},
		{"Bool", `"${aws:username}"`, nil, []string{"ci", "true"}, false},
		{"BinaryEquals", `"QUJD"`, []string{"QUJD"}, []string{"ABC", "QUJE", "QUJD\n!"}, false},

		{"IpAddress", `"203.0.113.0/24"`, []string{
			"203.0.113.9", "::ffff:203.0.113.9",
		}, []string{"203.0.114.1", "2001:db8::1", "x", ""}, false},
		{"IpAddress", `["2001:db8::/32", "203.0.113.7"]`, []string{"2001:db8::1", "203.0.113.7"},
			[]string{"2001:db9::1", "203.0.113.8"}, false},
		{"IpAddress", `"::ffff:203.0.113.0/120"`, []string{"203.0.113.9"}, []string{"203.0.114.9"}, false},
		{"IpAddress", `"::ffff:203.0.113.7"`, []string{"203.0.113.7"}, []string{"203.0.113.8"}, false},
		{"IpAddress", `"fe80::/16"`, []string{"fe80::1%eth0"}, nil, false},
		{"NotIpAddress", `"203.0.113.0/24"`, []string{"203.0.114.1", "x"}, []string{"203.0.113.1"}, true},

		{"ArnEquals", arn, []string{strings.Trim(arn, `"`)}, []string{
			"arn:aws:ecr:us-east-1:111122223333:repository/App", "app",
		}, false},
		{"ArnEquals", `"arn:aws:ecr:*:1111*:repository/a?p"`, []string{strings.Trim(arn, `"`)}, []string{
			"arn:aws:ecr:us-east-1:2111:repository/app",
		}, false},
		{"ArnLike", `"arn:aws:*:*:x"`, []string{"arn:aws:a:b:x:whatever:y"}, []string{"arn:aws:a:b:c:x", "arn:aws:a:b"},
			false},
		{"ArnLike", `"*"`, []string{"arn:aws:a:b:c:d", "x"}, nil, false},
		{"ArnLike", `"${aws:PrincipalArn}"`, []string{
			"arn:aws:iam::111122223333:user/team/ci",
		}, []string{"arn:aws:iam::111122223333:user/x"}, false},
		{"ArnLike", `"${aws:username}"`, nil, []string{"ci", "arn:aws:a:b:c:ci"}, false},
		{"ArnLike", `"arn:aws:iam::${aws:PrincipalAccount}:user/*"`, []string{"arn:aws:iam::111122223333:user/x"},
			[]string{"arn:aws:iam::999922223333:user/x"}, false},
		{"ArnLike", `"arn:aws:iam::1:user/${aws:PrincipalTag/none}"`, nil, []string{"arn:aws:iam::1:user/"}, false},
		{"ArnNotEquals", arn, []string{"x", "arn:aws:a:b:c:d"}, []string{strings.Trim(arn, `"`)}, true},
		{"ArnNotLike", `"arn:aws:ecr:*:*:*"`, []string{"arn:aws:s3:::b"}, []string{strings.Trim(arn, `"`)}, true},

		{"Null", `true`, []string{""}, []string{"x"}, true},
		{"Null", `"false"`, []string{"x"}, []string{""}, false},
		{"Null", `["true", "false"]`, []string{"x", ""}, nil, true},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		seen[tt.operator] = true
		for _, v := range tt.yes {
			if !holds(t, tt.operator, tt.operands, []string{v}) {
				t.Errorf("%s %s does not hold for %q", tt.operator, tt.operands, v)
			}
		}
		for _, v := range tt.no {
			if holds(t, tt.operator, tt.operands, []string{v}) {
				t.Errorf("%s %s holds for %q", tt.operator, tt.operands, v)
			}
		}
		for _, absent := range [][]string{nil, {}} {
			if got := holds(t, tt.operator, tt.operands, absent); got != tt.missing {
				t.Errorf("%s %s without the key = %v", tt.operator, tt.operands, got)
			}
		}
		if tt.operator == "Null" {
			continue
		}
		// With the suffix a missing key passes and a present one is compared as before.
		if !holds(t, tt.operator+"IfExists", tt.operands, nil) {
			t.Errorf("%sIfExists %s does not hold without the key", tt.operator, tt.operands)
		}
		for _, v := range slices.Concat(tt.yes, tt.no) {
			if got := holds(t, tt.operator+"IfExists", tt.operands, []string{v}); got != slices.Contains(tt.yes, v) {
				t.Errorf("%sIfExists %s for %q = %v", tt.operator, tt.operands, v, got)
			}
		}
		// Several values: a positive operator needs one that matches, a negated
		// one that none does; the quantifiers ask for any and all.
		if len(tt.yes) > 0 && len(tt.no) > 0 && tt.no[0] != "" {
			both := []string{tt.no[0], tt.yes[0]}
			if got, want := holds(t, tt.operator, tt.operands, both), !operators[tt.operator].negated; got != want {
				t.Errorf("%s %s for %q = %v", tt.operator, tt.operands, both, got)
			}
			if !holds(t, "ForAnyValue:"+tt.operator, tt.operands, both) {
				t.Errorf("ForAnyValue:%s %s does not hold for %q", tt.operator, tt.operands, both)
			}
			if holds(t, "ForAllValues:"+tt.operator, tt.operands, both) {
				t.Errorf("ForAllValues:%s %s holds for %q", tt.operator, tt.operands, both)
			}
		}
		if len(tt.yes) > 0 && !holds(t, "ForAllValues:"+tt.operator, tt.operands, tt.yes) {
			t.Errorf("ForAllValues:%s %s does not hold for %q", tt.operator, tt.operands, tt.yes)
		}
		if len(tt.no) > 0 && holds(t, "ForAnyValue:"+tt.operator, tt.operands, tt.no) {
			t.Errorf("ForAnyValue:%s %s holds for %q", tt.operator, tt.operands, tt.no)
		}
		if holds(t, "ForAnyValue:"+tt.operator, tt.operands, nil) {
			t.Errorf("ForAnyValue:%s %s holds without the key", tt.operator, tt.operands)
		}
		if !holds(t, "ForAllValues:"+tt.operator, tt.operands, nil) || !holds(t, "ForAllValues:"+tt.operator, tt.operands,
			[]string{""}) {
			t.Errorf("ForAllValues:%s %s does not hold without a value", tt.operator, tt.operands)
		}
		if !holds(t, "ForAnyValue:"+tt.operator+"IfExists", tt.operands, nil) {
			t.Errorf("ForAnyValue:%sIfExists %s does not hold without the key", tt.operator, tt.operands)
		}
	}
	for name := range operators {
		if !seen[name] {
			t.Errorf("%s is not tested", name)
		}
	}
}

func TestSeveralConditionsAllHold(t *testing.T) {
	doc := mustParse(t, `{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": {
		"StringEquals": {"ecr:A": "1", "ecr:B": "2"}, "Bool": {"aws:SecureTransport": true}}}}`, RepositoryPolicy)
	all := map[string][]string{"ecr:a": {"1"}, "ecr:b": {"2"}, "aws:securetransport": {"true"}}
	for _, without := range []string{"", "ecr:a", "ecr:b", "aws:securetransport"} {
		var ctx Context
		for k, v := range all {
			if k != without {
				ctx.Add(k, v...)
			}
		}
		if got := authorize(Request{Context: ctx}, nil, []Policy{{Document: doc}}).Allowed(); got != (without == "") {
			t.Errorf("without %q: allowed = %v", without, got)
		}
	}
}

// In the older version of the language ${…} is text, not a variable.
func TestVariablesNeedTheCurrentVersion(t *testing.T) {
	for version, value := range map[string]string{CurrentVersion: "blue", DefaultVersion: "${aws:PrincipalTag/team}"} {
		// Version stands last: the order of members means nothing.
		doc := mustParse(t, fmt.Sprintf(`{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*",
			"Condition": {"StringEquals": {"ecr:Key": "${aws:PrincipalTag/team}"}}}, "Version": %q}`, version), RepositoryPolicy)
		for _, v := range []string{"blue", "${aws:PrincipalTag/team}"} {
			req := Request{Context: newContext(map[string][]string{"aws:PrincipalTag/team": {"blue"}, "ecr:Key": {v}})}
			if got := authorize(req, nil, []Policy{{Document: doc}}).Allowed(); got != (v == value) {
				t.Errorf("version %s, value %s: allowed = %v", version, v, got)
			}
		}
	}
}

func TestDerivedKeys(t *testing.T) {
	session := Principal{
		Account: "111122223333", ARN: "arn:aws:sts::111122223333:assumed-role/deploy/x",
		Role: "arn:aws:iam::111122223333:role/ops/deploy",
	}
	user := Principal{Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/ops/ci"}
	root := Principal{Account: "111122223333", ARN: "arn:aws:iam::111122223333:root"}
	federated := Principal{Account: "111122223333", ARN: "arn:aws:sts::111122223333:federated-user/bob"}
	service := Principal{Service: "codebuild.amazonaws.com"}
	tests := []struct {
		key  string
		who  Principal
		want string // "" means absent
	}{
		{"aws:PrincipalArn", session, session.Role},
		{"aws:principalarn", user, user.ARN},
		{"aws:PrincipalArn", Principal{}, ""},
		{"aws:PrincipalAccount", user, "111122223333"},
		{"aws:PrincipalAccount", Principal{}, "anonymous"},
		{"aws:PrincipalAccount", service, ""},
		{"aws:PrincipalType", root, "Account"},
		{"aws:PrincipalType", user, "User"},
		{"aws:PrincipalType", session, "AssumedRole"},
		{"aws:PrincipalType", federated, "FederatedUser"},
		{"aws:PrincipalType", Principal{}, "Anonymous"},
		{"aws:PrincipalType", service, ""},
		{"aws:username", user, "ci"},
		{"aws:username", session, ""},
		{"aws:userid", root, "111122223333"},
		{"aws:userid", user, user.UserID()},
		{"aws:userid", session, session.UserID()},
		{"aws:userid", federated, "111122223333:bob"},
		{"aws:userid", service, ""},
		{"aws:userid", Principal{}, "anonymous"},
		{"aws:PrincipalOrgID", Principal{Account: "111122223333", Organization: "o-principals"}, "o-principals"},
		{"aws:PrincipalOrgID", user, ""},
		{"aws:ResourceOrgID", user, "o-resources0"},
		{"aws:ViaAWSService", user, "false"},
		{"aws:PrincipalIsAWSService", service, "true"},
		{"aws:PrincipalIsAWSService", user, "false"},
		{"aws:PrincipalServiceName", service, "codebuild.amazonaws.com"},
		{"aws:PrincipalServiceName", user, ""},
		{"aws:ResourceAccount", user, "444455556666"},
		{"aws:CurrentTime", user, "2026-11-23T12:00:00Z"},
		{"aws:EpochTime", user, "1795435200"},
	}
	for _, tt := range tests {
		k, err := newKey(tt.key)
		if err != nil {
			t.Fatal(err)
		}
		ev := newTestEvaluation(&Request{
			Principal: tt.who, ResourceAccount: "444455556666", ResourceOrganization: "o-resources0",
			Time:    time.Date(2026, 11, 23, 13, 0, 0, 0, time.FixedZone("", 3600)),
			Context: newContext(map[string][]string{tt.key: {"forged"}}),
		})
		var room [1]string
		var want []string
		if tt.want != "" {
			want = []string{tt.want}
		}
		if got := ev.values(&k, &room); !slices.Equal(got, want) {
			t.Errorf("%s of %s = %q, want %q", tt.key, &tt.who, got, want)
		}
	}
	if r := (&Request{}); time.Since(r.time()) > time.Minute {
		t.Errorf("a request without time is of %v", r.time())
	}
}

// What an Allow says of image tags holds for each that a request is about, what a
// Deny says for any.
func TestConditionsOnImageTags(t *testing.T) {
	for _, tt := range []struct {
		operator    string
		tags        []string
		allow, deny bool // whether the statement applies
	}{
		{"StringLike", nil, false, false},
		{"StringLike", []string{"dev-1"}, true, true},
		{"StringLike", []string{"dev-1", "dev-2"}, true, true},
		{"StringLike", []string{"dev-1", "prod-1"}, false, true},
		{"StringLike", []string{"prod-1", "dev-1"}, false, true},
		{"StringLike", []string{"prod-1"}, false, false},
		{"StringLike", []string{""}, false, false},
		{"StringLikeIfExists", nil, true, true},
		{"StringLikeIfExists", []string{"dev-1", "prod-1"}, false, true},
		{"StringNotLike", nil, true, true},
		{"StringNotLike", []string{"dev-1"}, false, false},
		{"StringNotLike", []string{"dev-1", "prod-1"}, false, true},
		{"StringNotLike", []string{"prod-1", "test-1"}, true, true},
		{"ForAnyValue:StringLike", []string{"dev-1", "prod-1"}, true, true},
		{"ForAllValues:StringLike", []string{"dev-1", "prod-1"}, false, false},
		{"ForAllValues:StringLike", nil, true, true},
	} {
		for effect, want := range map[Effect]bool{Allow: tt.allow, Deny: tt.deny} {
			doc := mustParse(t, `{"Version": "2012-10-17", "Statement": {"Condition": {"`+tt.operator+`": {"Twinport:ImageTag": "dev-*"}},
				"Effect": "`+string(effect)+`", "Principal": "*", "Action": "*"}}`, RepositoryPolicy)
			req := Request{Action: "ecr:PutImage"}
			req.Context.Add("twinport:ImageTag", tt.tags...)
			ev := newTestEvaluation(&req)
			if got := ev.applies(&doc.Statements[0], Resource) != none; got != want {
				t.Errorf("%s %s on %q applies: %v", effect, tt.operator, tt.tags, got)
			}
		}
	}
}
