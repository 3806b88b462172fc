package config

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/twinport/twinport/internal/quota"
)

// none, in the place of a quota, means that there is no limit.
const none = "none"

const (
	allowedQuota = "a whole number, at least 1, or none"
	allowedBytes = "a number of bytes, which may end in KiB, MiB, GiB, TiB or kB, MB, GB, TB, such as 500GiB, or none"
	allowedRates = "none, or a mapping with the keys "
)

var (
	quotaKeys = []string{"repositories", "images_per_repository", "tags_per_image", "open_uploads",
		"layer_bytes", "stored_bytes", "replicated_bytes", "requests_per_second"}
	bytesUnits = map[string]int64{
		"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	}
)

// quotas returns the limits with those that s sets in their place.
func (l *loader) quotas(s setting, limits quota.Limits) quota.Limits {
	values := l.mapping(s, quotaKeys)
	for _, q := range []struct {
		name string
		into *int64
		read func(setting) int64
	}{
		{"repositories", &limits.Repositories, l.quota}, {"images_per_repository", &limits.ImagesPerRepository, l.quota},
		{"tags_per_image", &limits.TagsPerImage, l.quota}, {"open_uploads", &limits.OpenUploads, l.quota},
		{"layer_bytes", &limits.LayerBytes, l.bytes},
		{"stored_bytes", &limits.StoredBytes, l.bytes}, {"replicated_bytes", &limits.ReplicatedBytes, l.bytes},
	} {
		if s, ok := values[q.name]; ok {
			*q.into = q.read(s)
		}
	}
	rates, ok := values["requests_per_second"]
	switch {
	case !ok:
	case isNone(rates):
		limits.Rates = [quota.Kinds]int64{}
	case rates.node.Kind != yaml.MappingNode:
		l.problemf(rates, "not a mapping; allowed: %s%s", allowedRates, strings.Join(quota.KindNames(), ", "))
	default:
		given := l.mapping(rates, quota.KindNames())
		for _, name := range slices.Sorted(maps.Keys(given)) {
			limits.Rates[quota.KindOf(name)] = l.quota(given[name])
		}
	}
	return limits
}

func isNone(s setting) bool { return s.node.Kind == yaml.ScalarNode && s.node.Value == none }

// quota is a number, or 0 for none.
func (l *loader) quota(s setting) int64 {
	if isNone(s) {
		return 0
	}
	n, err := strconv.ParseInt(s.node.Value, 10, 64)
	if s.node.Tag != "!!int" || err != nil || n < 1 {
		l.problemf(s, "not a quota; allowed: %s, without quotes", allowedQuota)
	}
	return n
}

// bytes is a size, or 0 for none.
func (l *loader) bytes(s setting) int64 {
	if isNone(s) {
		return 0
	}
	digits := strings.TrimRight(s.node.Value, "BKMGTki")
	unit, known := bytesUnits[s.node.Value[len(digits):]]
	n, err := strconv.ParseInt(strings.TrimRight(digits, " "), 10, 64)
	if s.node.Kind != yaml.ScalarNode || !known || err != nil || n < 1 || n > math.MaxInt64/unit {
		l.problemf(s, "not a size; allowed: %s", allowedBytes)
		return 0
	}
	return n * unit
}
