package lifecycle

import (
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// pushed reads "A prod-1 beta-1 10d": a digest, tags, and how long ago it was pushed.
func pushed(text string) thing {
	fields := strings.Fields(text)
	last := len(fields) - 1
	return thing{digest: fields[0], tags: fields[1:last], pushed: ago(fields[last])}
}

// ago reads how long before now a time is, in days or as a duration.
func ago(text string) time.Time {
	if days, found := strings.CutSuffix(text, "d"); found {
		n, err := strconv.Atoi(days)
		if err != nil {
			panic(err)
		}
		return now.Add(-time.Duration(n) * 24 * time.Hour)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return now.Add(-d)
}

func things(texts ...string) (all []thing) {
	for _, text := range texts {
		all = append(all, pushed(text))
	}
	return all
}

// with returns a thing with something else.
func (t thing) with(change func(t *thing)) thing {
	change(&t)
	return t
}

func patterns(list string, count int) string {
	return `"tagStatus":"tagged","tagPatternList":[` + list + `],"countType":"imageCountMoreThan","countNumber":` +
		strconv.Itoa(count)
}

func counted(status string, count int) string {
	return `"tagStatus":"` + status + `","countType":"imageCountMoreThan","countNumber":` + strconv.Itoa(count)
}

func since(kind, status string, days int) string {
	return `"tagStatus":"` + status + `","countType":"` + kind + `","countUnit":"days","countNumber":` + strconv.Itoa(days)
}

// The examples of the ECR User Guide's "Examples of lifecycle policies", its
// sample of a PolicyExecutionEvent, and what was seen elsewhere.
func TestVectors(t *testing.T) {
	archivedFor := func(days string) func(*thing) { return func(t *thing) { t.archived = ago(days) } }
	multiRule := things("A beta-1 prod-1 10d", "B beta-2 prod-2 9d", "C beta-3 8d")
	for _, v := range []struct {
		name, policy string
		things       []thing
		want         map[string]int
	}{
		{
			"5.1 multiple rules A",
			policy(rule(1, patterns(`"prod*"`, 1), expire), rule(2, patterns(`"beta*"`, 1), expire)),
			multiRule, map[string]int{"A": 1},
		},
		{
			"5.2 multiple rules B",
			policy(rule(1, patterns(`"beta*"`, 1), expire), rule(2, patterns(`"prod*"`, 1), expire)),
			multiRule, map[string]int{"A": 1, "B": 1},
		},
		{
			"5.3 multiple tags A",
			policy(rule(1, `"tagStatus":"tagged","tagPatternList":["alpha*","beta*"],"countType":"sinceImagePushed",`+
				`"countUnit":"days","countNumber":5`, expire)),
			things("A alpha-1 12d", "B beta-1 11d", "C alpha-2 beta-2 10d", "D alpha-3 4d", "E beta-3 3d", "F alpha-4 beta-4 2d"),
			map[string]int{"C": 1},
		},
		{
			"5.4 multiple tags B",
			policy(rule(1, patterns(`"alpha*","beta*"`, 1), expire)),
			things("A alpha-1 beta-1 gamma-1 10d", "B alpha-2 beta-2 9d", "C alpha-3 beta-3 gamma-2 8d"),
			map[string]int{"A": 1, "B": 1},
		},
		{
			"5.5 all images A",
			policy(rule(1, counted("any", 1), expire)),
			things("A alpha-1 4d", "B beta-1 3d", "C 2d", "D alpha-2 1d"), map[string]int{"A": 1, "B": 1, "C": 1},
		},
		{
			"5.6 all images B",
			policy(rule(1, patterns(`"alpha*"`, 1), expire), rule(2, since("sinceImagePushed", "untagged", 1), expire),
				rule(3, counted("any", 1), expire)),
			things("A alpha-1 beta-1 4d", "B 3d", "C alpha-2 2d", "D git-hash 1d", "E 1d"),
			map[string]int{"A": 1, "B": 2, "D": 3},
		},
		{
			"5.7 both storage classes",
			policy(rule(1, since("sinceImagePushed", "any", 30), transition),
				rule(2, `"storageClass":"archive",`+since("sinceImageTransitioned", "any", 365), expire)),
			[]thing{
				pushed("A v1 45d"), pushed("B v2 10d"), pushed("C v3 500d").with(archivedFor("400d")),
				pushed("D v4 500d").with(archivedFor("200d")), pushed("E 31d"),
			},
			map[string]int{"A": 1, "E": 1, "C": 2},
		},
		{
			"5.8 last pull",
			policy(rule(1, since("sinceImagePulled", "any", 90), transition)),
			[]thing{
				pushed("A 200d").with(func(t *thing) { t.pulled = ago("100d") }),
				pushed("B 200d").with(func(t *thing) { t.pulled = ago("5d") }), pushed("C 95d"), pushed("D 30d"),
				pushed("F 400d").with(func(t *thing) { t.pulled, t.restored = ago("390d"), ago("40d") }),
			},
			map[string]int{"A": 1, "C": 1},
		},
		{
			"5.9 the event's sample",
			policy(rule(1, counted("any", 2), expire)),
			append(things("alpine a 5d", "centos c 4d", "9117 3d", "x 2d"),
				pushed("L latest 1d").with(func(t *thing) { t.children = []string{"9117", "x"} })),
			map[string]int{"alpine": 1},
		},
		{
			"5.10 an index and its children",
			policy(rule(1, since("sinceImagePushed", "untagged", 1), expire), rule(2, counted("any", 4), expire)),
			append(things("k1 9h", "k2 8h", "s1 1 5h", "s2 2 4h", "s3 3 3h", "s4 4 2h", "s5 5 1h"),
				pushed("ix latest 7h").with(func(t *thing) { t.children = []string{"k1", "k2"} })),
			map[string]int{"ix": 2, "s1": 2},
		},
		{
			"the children are ordinary images of the next run",
			policy(rule(1, since("sinceImagePushed", "untagged", 1), expire)), things("k1 33h", "k2 24h"), map[string]int{"k1": 1},
		},
		{
			"a rule that never acts protects",
			policy(rule(1, patterns(`"prod*"`, 9999), expire), rule(2, since("sinceImagePushed", "any", 1), expire)),
			things("A prod-1 9d", "B dev-1 prod-2 9d", "C dev-2 9d", "D prod 9d", "E xprod 9d"), map[string]int{"C": 2, "E": 2},
		},
		{
			"a referrer follows its subject, one without it is an image",
			policy(rule(1, counted("any", 1), expire)),
			[]thing{
				pushed("A a 5d"), pushed("B b 4d"), pushed("ra 3d").with(func(t *thing) { t.subject = "A" }),
				pushed("rr 2d").with(func(t *thing) { t.subject = "ra" }), pushed("rx 6d").with(func(t *thing) { t.subject = "gone" }),
			},
			map[string]int{"A": 1, "rx": 1},
		},
		{
			"children of an archived index may be archived and not expired",
			policy(rule(1, since("sinceImagePushed", "untagged", 1), transition),
				rule(2, since("sinceImagePushed", "any", 1), expire)),
			[]thing{
				pushed("a 9d"), pushed("b tag 9d"), pushed("c 9d"),
				pushed("I 9d").with(func(t *thing) { t.children, t.archived = []string{"a", "b"}, ago("2d") }),
				pushed("J new 1h").with(func(t *thing) { t.children = []string{"c"} }),
			},
			map[string]int{"a": 1},
		},
		{
			"what is on its way back, or was restored",
			policy(rule(1, counted("any", 1), expire)),
			[]thing{
				pushed("A 9d").with(func(t *thing) { t.waking = true }),
				pushed("B 8d").with(func(t *thing) { t.restored = ago("1d") }), pushed("C 2d"),
			},
			map[string]int{"C": 1},
		},
		{
			"to the second",
			policy(rule(1, since("sinceImagePushed", "any", 1), expire)),
			things("A 24h", "B 24h0m0.000001s", "C 23h59m59s"), map[string]int{"B": 1},
		},
		{
			"of the same time the greater digest is newer",
			policy(rule(1, counted("any", 2), expire)), things("b 1d", "d 1d", "a 1d", "c 1d"), map[string]int{"a": 1, "b": 1},
		},
		{
			"patterns and prefixes",
			policy(rule(1, `"tagStatus":"tagged","tagPrefixList":["a*"],"countType":"sinceImagePushed","countUnit":"days","countNumber":1`, expire),
				rule(2, `"tagStatus":"tagged","tagPatternList":["v*.*-rc*"],"countType":"sinceImagePushed","countUnit":"days","countNumber":1`, expire),
				rule(3, `"tagStatus":"tagged","tagPatternList":["v1"],"countType":"sinceImagePushed","countUnit":"days","countNumber":1`, expire),
				rule(4, `"tagStatus":"tagged","tagPatternList":["*x*","ax*"],"countType":"sinceImagePushed","countUnit":"days","countNumber":1`, expire)),
			things("A ab 9d", "B v1.2-rc 9d", "C v1 9d", "D v12 9d", "E V1 9d", "F axx 9d", "G v.-rc1 9d", "H x 9d", "I v1-rc.2 9d"),
			map[string]int{"B": 2, "C": 3, "F": 4, "G": 2},
		},
		{
			"an age that no image can have",
			policy(rule(1, since("sinceImagePushed", "any", 1<<31-1), expire)), things("A 1000d"), map[string]int{},
		},
		{
			"unsigned images, whatever they are",
			policy(rule(1, since("sinceImagePushed", "any", 7), expire+`},"twinport":{"unsigned":true`), rule(2, counted("any", 1), expire)),
			[]thing{
				pushed("A 9d"), pushed("B b 9d"), pushed("C c 9d"), pushed("D d 1d"), pushed("E e 2d"),
				pushed("s 8d").with(func(t *thing) { t.subject, t.seal = "C", true }),
				pushed("sbom 8d").with(func(t *thing) { t.subject = "B" }),
			},
			// E is unsigned and too young for rule 1, which keeps it from rule 2 all the same.
			map[string]int{"A": 1, "B": 1, "C": 2},
		},
		{
			"kept since they got a tag, or were pulled",
			policy(rule(1, counted("any", 2), expire+`},"twinport":{"sinceTagged":30,"sincePulled":10`)),
			[]thing{
				pushed("A prod 90d").with(func(t *thing) { t.tagged = ago("30d") }),
				pushed("B prod 80d").with(func(t *thing) { t.tagged = ago("31d") }),
				pushed("C 70d").with(func(t *thing) { t.pulled = ago("9d") }),
				pushed("D 60d").with(func(t *thing) { t.pulled = ago("11d") }),
				pushed("E 20d"), pushed("F 2d"), pushed("G 1d"), pushed("H 50d").with(func(t *thing) { t.restored = ago("5d") }),
			},
			map[string]int{"B": 1, "D": 1},
		},
	} {
		t.Run(v.name, func(t *testing.T) {
			for _, page := range []int{1, 3, 100} {
				for _, eager := range []bool{false, true} {
					got := marked(t, mustParse(t, v.policy), newShelf(page, eager, v.things...), now)
					if !maps.Equal(got, v.want) {
						t.Errorf("marks = %v, want %v", got, v.want)
					}
				}
			}
		})
	}
}

// Stores keep microseconds, and leave out what is not older than these.
func TestPlanCountsMicroseconds(t *testing.T) {
	s := newShelf(1, true, things("A 24h", "B 24h0m0.000001s")...)
	got := marked(t, mustParse(t, policy(rule(1, since("sinceImagePushed", "any", 1), expire))), s, now.Add(999))
	if !maps.Equal(got, map[string]int{"B": 1}) {
		t.Errorf("marks = %v", got)
	}
}

// A policy that has run once looks at what it keeps, and no further.
func TestPlanLooksAtTheNewestOnly(t *testing.T) {
	var all []thing
	for i := range 1000 {
		all = append(all, thing{digest: strconv.Itoa(i), tags: []string{"v" + strconv.Itoa(i)}, pushed: now.Add(-time.Duration(i) * time.Hour)})
	}
	s := newShelf(10, true, all...)
	p := mustParse(t, policy(rule(1, patterns(`"v*"`, 20), expire)))
	plan, err := planOf(t.Context(), p, s, now)
	if err != nil || s.looked != 20 {
		t.Errorf("looked at %d images, %v", s.looked, err)
	}
	// It needs no page for a class, or rule, that has nothing to do.
	s.lists = 0
	s.things = all[:20]
	if marks, at, err := plan.Marks(t.Context(), s, Position{}); len(marks) != 0 || at.StorageClass != Archive || err != nil {
		t.Errorf("marks %v, position %v, %v", marks, at, err)
	}
	if _, at, _ := plan.Marks(t.Context(), s, Position{StorageClass: Archive}); !at.Done || s.lists != 1 {
		t.Errorf("position %v after %d lists", at, s.lists)
	}
	// Rules that keep too many of others are asked about those that matter.
	p = mustParse(t, policy(rule(1, patterns(`"v1*"`, 9999), expire), rule(2, patterns(`"v10*","*9"`, 9999), expire)))
	s = newShelf(100, true, all...)
	if _, err := planOf(t.Context(), p, s, now); err != nil || s.looked != 111 {
		t.Errorf("looked at %d images, %v", s.looked, err)
	}
}

// What a run has deleted does not change what the rest of it deletes.
func TestPlanSurvivesItsOwnDeletions(t *testing.T) {
	var all []thing
	for i := range 50 {
		all = append(all, thing{digest: strconv.Itoa(100 + i), tags: []string{"v"}, pushed: now.Add(-time.Duration(i) * time.Hour)})
	}
	p := mustParse(t, policy(rule(1, patterns(`"v*"`, 7), expire)))
	before := marked(t, p, newShelf(10, true, all...), now)
	for keep := range 43 {
		rest := all[:7+keep]
		for d := range marked(t, p, newShelf(10, true, rest...), now) {
			if before[d] != 1 {
				t.Fatalf("%s goes after others have gone", d)
			}
		}
	}
}

func TestErrorsOfTheStore(t *testing.T) {
	s := newShelf(1, true, things("A a 9d", "B b 8d", "C c 7d")...)
	p := mustParse(t, policy(rule(1, counted("any", 2), expire)))
	if _, err := planOf(t.Context(), p, &faulty{s, 1}, now); err == nil || !strings.Contains(err.Error(), errList.Error()) {
		t.Errorf("error = %v", err)
	}
	plan, err := planOf(t.Context(), p, s, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, at, err := plan.Marks(t.Context(), &faulty{s, 0}, Position{}); err == nil || at.Done {
		t.Errorf("position %v, error %v", at, err)
	}
}

func BenchmarkDecide(b *testing.B) {
	rules := make([]string, 0, 50)
	for i := range 49 {
		rules = append(rules, rule(i+1, patterns(`"team`+strconv.Itoa(i)+`-*-rc*"`, 10), expire))
	}
	p := mustParse(b, policy(append(rules, rule(50, since("sinceImagePushed", "any", 30), expire))...))
	image := Image{Digest: "d", Tags: []string{"build-20261128", "team7-main-a"}, PushedAt: now, StorageClass: Standard}
	plan, err := planOf(b.Context(), p, newShelf(1, true), now)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		plan.Decide(&image)
	}
}
