package awsquery

import (
	"testing"
	"time"
)

func (v *tag) EncodeXML(e *Encoder) { e.String("Key", v.Key) }

type answer struct{}

func (answer) EncodeXML(e *Encoder) {
	e.String("Name", "<a> & \"b\"\x00\n")
	e.Document("Document", `{"Action": "a+b"} ~é`)
	e.Int("Count", -1)
	e.Bool("Really", true)
	e.Time("At", time.Date(2026, 11, 28, 19, 0, 0, 999, time.FixedZone("", 9*60*60)))
	EncodeStrings(e, "Names", []kind{"A", "B"})
	EncodeStructures(e, "Tags", []tag{{Key: "k"}})
	EncodeStructures(e, "None", []tag(nil))
	EncodeMap(e, "Map", map[string]int32{"b": 2, "a": 1})
}

func TestResponse(t *testing.T) {
	for want, result := range map[string]Result{
		`<DoResponse xmlns="urn:x"><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DoResponse>`: nil,
		`<DoResponse xmlns="urn:x"><DoResult><Name>&lt;a&gt; &amp; &#34;b&#34;` + "\uFFFD" + `&#xA;</Name>` +
			`<Document>%7B%22Action%22%3A%20%22a%2Bb%22%7D%20~%C3%A9</Document><Count>-1</Count><Really>true</Really>` +
			`<At>2026-11-28T10:00:00Z</At><Names><member>A</member><member>B</member></Names>` +
			`<Tags><member><Key>k</Key></member></Tags><None></None>` +
			`<Map><entry><key>a</key><value>1</value></entry><entry><key>b</key><value>2</value></entry></Map></DoResult>` +
			`<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DoResponse>`: answer{},
	} {
		if got := string(Response("Do", "urn:x", "id", result)); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}
