package awsjson

import (
	"encoding/json"
	"maps"
	"slices"
	"unicode/utf8"
)

// Appender is a response that appends itself to b as encoding/json would write it, but
// for the characters <, > and &, which stay as they are: policies and manifests are
// readable so. It takes less time, as it needs no reflection.
type Appender interface{ AppendJSON(b []byte) []byte }

// AppendName appends the name of a member, which needs no escapes.
func AppendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

// AppendString appends a string.
func AppendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\b':
				b = append(b, '\\', 'b')
			case '\f':
				b = append(b, '\\', 'f')
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		escaped := ""
		switch {
		case r == utf8.RuneError && n == 1:
			escaped = `\ufffd`
		case r == '\u2028':
			escaped = `\u2028`
		case r == '\u2029':
			escaped = `\u2029`
		}
		if escaped != "" {
			b = append(append(b, s[start:i]...), escaped...)
			start = i + n
		}
		i += n
	}
	return append(append(b, s[start:]...), '"')
}

// AppendStrings appends a list of strings.
func AppendStrings[T ~string](b []byte, list []T) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendString(b, string(s))
	}
	return append(b, ']')
}

// AppendList appends a list of structures.
func AppendList[T any](b []byte, list []T, each func(v *T, b []byte) []byte) []byte {
	b = append(b, '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = each(&list[i], b)
	}
	return append(b, ']')
}

// AppendMap appends a map, in order of its keys.
func AppendMap[T any](b []byte, m map[string]T, each func(b []byte, value T) []byte) []byte {
	b = append(b, '{')
	for i, key := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = each(append(AppendString(b, key), ':'), m[key])
	}
	return append(b, '}')
}

// AppendFloat appends a number, which is finite.
func AppendFloat(b []byte, f float64) []byte {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err) // no score is infinite
	}
	return append(b, text...)
}
