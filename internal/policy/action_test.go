package policy

import (
	"context"
	"testing"
)

func TestActions(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"*", "ecr:PutImage", true}, {"*:*", "ecr:PutImage", true}, {"ecr:*", "ecr:PutImage", true},
		{"ecr:*", "ecr-public:PutImage", false},
		{"ECR:putimage", "ecr:PutImage", true}, {"ecr:PutImage", "ecr:PutImageTagMutability", false},
		{"ecr:PutImage", "ecr:Put", false},
		{"ecr:put*", "ecr:PutImage", true}, {"ecr:Put*", "ecr:GetX", false}, {"ecr:*IMAGE", "ecr:PutImage", true},
		{"ecr:*Image", "ecr:ListImages", false}, {"ecr:?utImage", "ecr:PutImage", true},
		{"ecr:B*Get*", "ecr:BatchGetImage", true},
		{"ecr:Put**", "ecr:Put", true}, {"ecr:PutImage?", "ecr:PutImage", false},
	}
	for _, tt := range tests {
		a, err := newAction(tt.pattern)
		if err != nil {
			t.Errorf("newAction(%q): %v", tt.pattern, err)
		}
		for _, negated := range []bool{false, true} {
			b := newBudget(context.Background())
			as := actions{patterns: []action{a}, negated: negated}
			if got := as.cover(tt.name, &b); got != (tt.want != negated) {
				t.Errorf("%q (negated %v) covers %s = %v", tt.pattern, negated, tt.name, got)
			}
		}
	}
	for _, bad := range []string{
		"", "ecr", "PutImage", ":PutImage", "ecr:", "e*r:PutImage", "ecr:Put Image", "ecr:Put:Image", "**", "ecr:Püt",
	} {
		if _, err := newAction(bad); err == nil {
			t.Errorf("newAction(%q) is accepted", bad)
		}
	}
}
