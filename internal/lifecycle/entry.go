package lifecycle

import "strings"

// entry is one of a tag list, cut at its stars. A star stands for any
// characters, also none, and everything else for itself.
type entry []string

// entries are those of a selection's list, of patterns or prefixes.
func entries(s *Selection) (all []entry) {
	for _, pattern := range s.TagPatterns {
		all = append(all, strings.Split(pattern, "*"))
	}
	for _, prefix := range s.TagPrefixes {
		all = append(all, entry{prefix, ""}) // a star in a prefix stands for itself
	}
	return all
}

// prefix begins every tag that the entry matches.
func (e entry) prefix() string { return e[0] }

// matches says whether the entry stands for the whole tag.
func (e entry) matches(tag string) bool {
	first, last := e[0], e[len(e)-1]
	if len(e) == 1 {
		return tag == first
	}
	if len(tag) < len(first)+len(last) || !strings.HasPrefix(tag, first) || !strings.HasSuffix(tag, last) {
		return false
	}
	// What lies between is taken as early as it comes, which leaves the most to
	// what follows.
	tag = tag[len(first) : len(tag)-len(last)]
	for _, piece := range e[1 : len(e)-1] {
		at := strings.Index(tag, piece)
		if at < 0 {
			return false
		}
		tag = tag[at+len(piece):]
	}
	return true
}

// matchesAny says whether the entry stands for one of the tags.
func (e entry) matchesAny(tags []string) bool {
	for _, tag := range tags {
		if e.matches(tag) {
			return true
		}
	}
	return false
}
