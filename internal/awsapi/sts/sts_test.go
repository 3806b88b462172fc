package sts_test

import (
	"regexp"
	"testing"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/awsapi/sts"
	"github.com/twinport/twinport/internal/policy"
)

func TestGetCallerIdentity(t *testing.T) {
	for _, c := range []struct {
		principal policy.Principal
		userID    string // a regular expression
	}{
		{policy.Principal{Account: "111122223333", ARN: "arn:aws:iam::111122223333:root"}, `^111122223333$`},
		{policy.Principal{Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/ci"}, `^AIDA[A-Z2-7]{17}$`},
		{policy.Principal{
			Account: "111122223333", ARN: "arn:aws:sts::111122223333:assumed-role/deploy/session",
			Role: "arn:aws:iam::111122223333:role/deploy",
		}, `^AROA[A-Z2-7]{17}:session$`},
	} {
		got := callerIdentity(t, c.principal)
		if got.Account != c.principal.Account || got.ARN != c.principal.ARN ||
			!regexp.MustCompile(c.userID).MatchString(got.UserID) {
			t.Errorf("%s: %+v", c.principal.ARN, got)
		}
		if again := callerIdentity(t, c.principal); again != got {
			t.Errorf("%s: %+v, then %+v", c.principal.ARN, got, again)
		}
	}
}

func callerIdentity(t *testing.T, p policy.Principal) sts.CallerIdentity {
	t.Helper()
	out, err := sts.New(nil, nil, nil).Do(t.Context(), "GetCallerIdentity", access.Caller{Identity: auth.Identity{Principal: p}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out.(sts.CallerIdentity)
}
