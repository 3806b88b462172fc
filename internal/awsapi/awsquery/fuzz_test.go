package awsquery

import (
	"testing"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
)

// FuzzRead reads forms as a structure with members of all kinds. What is read keeps its bounds, and what is refused
// has a short message.
func FuzzRead(f *testing.F) {
	for _, form := range []string{
		"", "Name=x", "Name=x&Count=3&Really=true&Kind=A&Description=", "Name=x&Names.member.1=a&Names.member.2=b&Names=",
		"Name=x&Tags.member.1.Key=k&Tags.member.1.Value=%C3%A9&Tags.member.2.Key=", "Name=%FF&Tags.member.0.Key=x&Name=y",
	} {
		f.Add(form)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := readText(text)
		if err != nil {
			if e, ok := err.(*awsjson.Exception); !ok || e.Status != 400 || len(e.Message) > 64<<10 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if len(limitsName.Broken(got.Name)) > 0 || got.Count < 0 || got.Count > 10 || len(got.Names) > 3 || len(got.Tags) > 2 {
			t.Fatalf("%q: %+v", text, got)
		}
	})
}
