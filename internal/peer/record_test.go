package peer

import (
	"fmt"
	"testing"
	"time"
)

// TestConflicts: the first of what both serve are named, and all are counted, at once for the largest lists.
func TestConflicts(t *testing.T) {
	t.Parallel()
	list := func(format string, from, to int) (all []string) {
		for i := from; i < to; i++ {
			all = append(all, fmt.Sprintf(format, i))
		}
		return all
	}
	for _, c := range []struct {
		regions, accounts, otherRegions, otherAccounts []string
		want                                           string
	}{
		{[]string{east}, []string{prod}, []string{west}, []string{prod}, ""},
		{[]string{east}, []string{prod}, []string{east}, []string{dev}, ""},
		{[]string{east, west}, []string{prod}, []string{west}, []string{prod, dev}, prod + "/" + west},
		{list("r%03d", 0, maxRegions), list("%012d", 0, maxAccounts), list("r%03d", 0, maxRegions),
			list("%012d", maxAccounts, 2*maxAccounts), ""},
		{list("r%03d", 0, maxRegions), list("%012d", 0, maxAccounts), list("r%03d", 1, maxRegions),
			list("%012d", 1, maxAccounts), "000000000001/r001, 000000000002/r001, 000000000003/r001, " +
				"000000000004/r001, 000000000005/r001 and 5099740 more"},
	} {
		begun := time.Now()
		got := conflicts(c.regions, c.accounts, c.otherRegions, c.otherAccounts)
		if took := time.Since(begun); got != c.want || took > 2*time.Second {
			t.Errorf("%q after %s, want %q", got, took, c.want)
		}
	}
}
