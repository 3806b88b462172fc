package iam

import "github.com/twinport/twinport/internal/resource"

func tags(in []Tag) []resource.Tag {
	out := make([]resource.Tag, 0, len(in))
	for _, t := range in {
		out = append(out, resource.Tag(t))
	}
	return out
}

// tagsOf is tags on the wire, nil for none.
func tagsOf(in []resource.Tag) (out []Tag) {
	for _, t := range in {
		out = append(out, Tag(t))
	}
	return out
}

// each translates the items of a list. The result is not nil, as an empty list is
// other than none on the wire.
func each[In, Out any](in []In, translate func(In) Out) []Out {
	out := make([]Out, 0, len(in))
	for _, v := range in {
		out = append(out, translate(v))
	}
	return out
}

// orEmpty is a text of a request that may be absent.
func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
