package policy

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// laborious is a policy of one's own that allows all, and a Deny whose patterns
// are as many as fit, each to be tried at every place of a long value.
func laborious(t testing.TB, pattern string) []Policy {
	t.Helper()
	var statements []string
	for size := 200; size < 9800; size += 220 + len(pattern) {
		statements = append(
			statements, fmt.Sprintf(
				`{"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {"StringLike": {"aws:UserAgent": %q}}}`, pattern))
	}
	return policies(t, RepositoryPolicy, "", allowAll+","+strings.Join(statements, ","))
}

// Nobody's patterns take longer than a request may: what is not decided by
// then is refused, and says so.
func TestWorkIsBounded(t *testing.T) {
	ask := func(ctx context.Context, agent string, ps []Policy) Decision {
		return Authorize(ctx, Request{Principal: root1, Action: "ecr:BatchGetImage", Resource: app1,
			ResourceAccount: "111122223333",
			Context:         newContext(map[string][]string{"aws:UserAgent": {agent}})}, Policies{Resource: ps})
	}
	refused := func(what string, d Decision) {
		t.Helper()
		if d.Outcome != Undecided || d.Allowed() || !strings.Contains(d.Message(), "too much work") ||
			!strings.Contains(d.Reason(), "too much work") {
			t.Errorf("%s: %v, %s", what, d.Outcome, d.Message())
		}
	}
	a := strings.Repeat("a", maxValue)
	variables := laborious(t, "*${aws:UserAgent}?0*")
	refused("a value that is too long", ask(context.Background(), strings.Repeat("a", 31000), variables))
	refused("a pattern that becomes too long", ask(context.Background(), a, policies(t, RepositoryPolicy, "", allowAll+
		`,{"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {"StringLike": {"aws:UserAgent": "`+
		strings.Repeat("*${aws:UserAgent}", 100)+`"}}}`)))
	pattern := laborious(t, "*"+strings.Repeat("a", 500)+"?0*")
	refused("many patterns", ask(context.Background(), a, pattern))
	if d := ask(context.Background(), "docker/28", pattern); !d.Allowed() {
		t.Errorf("a short value: %v", d.Outcome)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	refused("a request that has ended", ask(ended, "docker/28", pattern))

	b := newBudget(context.Background())
	if b.done, b.steps = ended.Done(), maxSteps; glob(wildcards.Replace("*"+strings.Repeat("a", 500)+"?0*"), a, &b) ||
		!b.spent || b.steps < maxSteps-2*stepsPerLook {
		t.Errorf("when its request ends, an evaluation goes on for %d steps", maxSteps-b.steps)
	}
	// A Deny that was found is one, whatever would follow.
	denied := append(policies(t, RepositoryPolicy, "", denyAll), pattern...)
	if d := ask(context.Background(), a, denied); d.Outcome != ExplicitDeny {
		t.Errorf("a Deny before: %v", d.Outcome)
	}
}

func BenchmarkUndecided(b *testing.B) {
	ps := laborious(b, "*"+strings.Repeat("a", 500)+"?0*")
	req := Request{Principal: root1, Action: "ecr:BatchGetImage", Resource: app1, ResourceAccount: "111122223333",
		Context: newContext(map[string][]string{"aws:UserAgent": {strings.Repeat("a", maxValue)}})}
	for b.Loop() {
		if authorize(req, nil, ps).Outcome != Undecided {
			b.Fatal("decided")
		}
	}
}
