package lifecycle

import (
	"slices"
	"strings"
)

// MaxStars is how many * a pattern of tags may have.
const MaxStars = 4

// minArchived is for how many days an image must have been in the archive
// before a policy may delete it: the ECR User Guide's "Archiving an image".
const minArchived = 90

// check applies the rules that the schema leaves open, in the order of the
// text. rules are those of p.rules.
func (p *parser) check(rules []Rule) error {
	for i := range rules {
		if err := p.checkLists(&rules[i], i); err != nil {
			return err
		}
		if err := p.checkCount(&rules[i], i); err != nil {
			return err
		}
		if err := p.checkEarlier(rules, i); err != nil {
			return err
		}
	}
	return p.checkLast(rules)
}

func (p *parser) checkLists(r *Rule, i int) error {
	s, n, path := &r.Selection, p.rules[i].get("selection"), rulePath(i)+".selection"
	patterns, prefixes := len(s.TagPatterns) > 0, len(s.TagPrefixes) > 0
	switch {
	case s.TagStatus != Tagged && prefixes:
		return p.refuse(n, path, "Cannot specify tagPrefixList with tagStatus %s", strings.ToUpper(string(s.TagStatus)))
	case s.TagStatus != Tagged && patterns:
		return p.refuse(n, path, "Cannot specify tagPatternList with tagStatus %s", strings.ToUpper(string(s.TagStatus)))
	case patterns && prefixes:
		return p.refuse(n, path, "If policy has a tagged rule, it must specify only one of tagPrefixList or tagPatternList")
	case s.TagStatus == Tagged && !patterns && !prefixes:
		return p.refuse(n, path, "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.")
	}
	for _, pattern := range s.TagPatterns {
		if strings.Count(pattern, "*") > MaxStars {
			return p.refuse(n.get("tagPatternList"), path+".tagPatternList",
				"Invalid tag pattern provided. Total number of * must not exceed %d", MaxStars)
		}
	}
	return nil
}

func (p *parser) checkCount(r *Rule, i int) error {
	s, n, path := &r.Selection, p.rules[i].get("selection"), rulePath(i)+".selection"
	switch {
	case s.CountType != SinceImageTransitioned && s.Class() == Archive:
		return p.refuse(n, path,
			"SINCE_IMAGE_PUSHED, SINCE_IMAGE_PULLED and IMAGE_COUNT_MORE_THAN support the STANDARD storage class only")
	case s.CountType == SinceImagePulled && r.Action != Transition:
		return p.refuse(p.rules[i], rulePath(i), "SINCE_IMAGE_PULLED supports the TRANSITION action only")
	case s.CountType == SinceImageTransitioned && r.Action != Expire:
		return p.refuse(p.rules[i], rulePath(i), "SINCE_IMAGE_TRANSITIONED supports the EXPIRE action only")
	case s.CountType == SinceImageTransitioned && s.CountNumber < minArchived:
		return p.refuse(n.get("countNumber"), path+".countNumber",
			"Images that have been in archive for less than %d days cannot be deleted", minArchived)
	}
	return nil
}

// checkEarlier compares a rule with those that stand before it in the text.
func (p *parser) checkEarlier(rules []Rule, i int) error {
	r, n, path := &rules[i], p.rules[i], rulePath(i)
	for j := range i {
		other := &rules[j]
		if other.Priority == r.Priority {
			return p.refuse(n.get("rulePriority"), path+".rulePriority", "Duplicate priority in multiple rules")
		}
		if !alike(r, other) {
			continue
		}
		n, path := n.get("selection"), path+".selection"
		switch r.Selection.TagStatus {
		case Untagged:
			return p.refuse(n, path, "Only one rule can select Untagged images per storage class.")
		case Any:
			return p.refuse(n, path, "Only one rule can specify tagStatus=ANY")
		default:
			return p.refuse(n, path,
				"The set of all rules selecting a specific storage class must contain a unique set of prefixes")
		}
	}
	return nil
}

// alike says whether the second of two rules could never act, since the other
// is about the same images. Of patterns ECR does not ask that.
func alike(a, b *Rule) bool {
	s, t := &a.Selection, &b.Selection
	return s.Class() == t.Class() && s.TagStatus == t.TagStatus &&
		// What is about unsigned images leaves the others to whatever rule comes.
		a.Twinport.Unsigned == b.Twinport.Unsigned &&
		(s.TagStatus != Tagged || len(s.TagPrefixes) > 0 && slices.Equal(set(s.TagPrefixes), set(t.TagPrefixes)))
}

// set returns the texts sorted, each once.
func set(texts []string) []string { return slices.Compact(slices.Sorted(slices.Values(texts))) }

// checkLast wants a rule about any image behind all others of its storage
// class, which it would keep from acting. One about any unsigned image does not
// keep those from acting that are about signed ones, too.
func (p *parser) checkLast(rules []Rule) error {
	for i := range rules {
		r := &rules[i]
		if r.Selection.TagStatus != Any {
			continue
		}
		for j := range rules {
			other := &rules[j]
			if other.Priority > r.Priority && other.Selection.Class() == r.Selection.Class() &&
				(!r.Twinport.Unsigned || other.Twinport.Unsigned) {
				return p.refuse(p.rules[i].get("selection"), rulePath(i)+".selection",
					"Rule for tagStatus=ANY must have the lowest priority per storage class")
			}
		}
	}
	return nil
}
