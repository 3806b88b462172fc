// Package registry is the domain: what a registry, repository, image, tag and
// layer may do, and every rule about them that is always true. Protocols
// (packages oci and awsapi) translate requests to calls of Service; it
// authorises each of them, so a protocol cannot forget to. It knows no HTTP.
package registry

// Page asks for one page of a list. Lists are paged by key, never by offset.
type Page struct {
	// After is the last key of the page before; empty for the first.
	After string
	// Limit is the most items to return; it must be positive.
	Limit int
}

// PageOf cuts a list that was read with one item more than the limit: the last
// item's key is next if more follow.
func PageOf[T any](items []T, limit int, key func(T) string) (page []T, next string) {
	if len(items) <= limit {
		return items, ""
	}
	items = items[:limit]
	return items, key(items[limit-1])
}
