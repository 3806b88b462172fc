package awsmodel

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
)

// initialisms that Go writes in capitals.
var initialisms = map[string]string{
	"Id": "ID", "Ids": "IDs", "Arn": "ARN", "Url": "URL", "Uri": "URI", "Kms": "KMS", "Cvss": "CVSS", "Ami": "AMI",
}

var words = regexp.MustCompile(`[A-Z]?[a-z0-9]+|[A-Z]+`)

// GoName is the Go field name of a member.
func GoName(member string) string {
	member = strings.ToUpper(member[:1]) + member[1:]
	return words.ReplaceAllStringFunc(member, func(word string) string {
		if capital, ok := initialisms[word]; ok {
			return capital
		}
		return word
	})
}

// EnumName is the last part of an enum value's constant.
func EnumName(value string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return r == '_' || r == '-' }) {
		if word == strings.ToUpper(word) {
			word = strings.ToLower(word)
		}
		r := []rune(word)
		b.WriteRune(unicode.ToUpper(r[0]))
		b.WriteString(string(r[1:]))
	}
	return b.String()
}

// ValueSet returns the values of an enum in the order in which AWS's messages
// have them: that of a hash set of Java's.
func ValueSet(values []string) []string {
	buckets := uint32(16)
	for 4*len(values) > 3*int(buckets) {
		buckets *= 2
	}
	bucket := func(value string) uint32 {
		var hash uint32
		for _, c := range utf16.Encode([]rune(value)) {
			hash = 31*hash + uint32(c)
		}
		return (hash ^ hash>>16) % buckets
	}
	return slices.SortedStableFunc(slices.Values(values), func(a, b string) int { return cmp.Compare(bucket(a), bucket(b)) })
}
