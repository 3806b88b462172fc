package awsquery

import (
	"bytes"
	"encoding/xml"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Result is what an operation answers.
type Result interface{ EncodeXML(*Encoder) }

// Encoder writes the elements of an answer. The names of elements are those of a
// model and need no escapes.
type Encoder struct{ b bytes.Buffer }

// Response is the answer of an operation to a request. Those that answer nothing
// have a nil result, and no element for it.
func Response(operation, namespace, requestID string, result Result) []byte {
	var e Encoder
	e.b.WriteString("<" + operation + `Response xmlns="` + namespace + `">`)
	if result != nil {
		e.Open(operation + "Result")
		result.EncodeXML(&e)
		e.Close(operation + "Result")
	}
	e.Open("ResponseMetadata")
	e.String("RequestId", requestID)
	e.Close("ResponseMetadata")
	e.Close(operation + "Response")
	return e.b.Bytes()
}

// Open and Close write the two ends of an element.
func (e *Encoder) Open(name string)  { e.b.WriteString("<" + name + ">") }
func (e *Encoder) Close(name string) { e.b.WriteString("</" + name + ">") }

// String writes a text. What XML does not allow in one becomes U+FFFD.
func (e *Encoder) String(name, value string) {
	e.Open(name)
	_ = xml.EscapeText(&e.b, []byte(value)) // a buffer takes everything
	e.Close(name)
}

// Document writes a policy document, which IAM percent-encodes as RFC 3986 has it
// (IAM API reference, GetPolicyVersion).
func (e *Encoder) Document(name, value string) {
	e.String(name, strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
}

// Int writes a whole number.
func (e *Encoder) Int(name string, value int32) { e.String(name, strconv.Itoa(int(value))) }

// Bool writes true or false.
func (e *Encoder) Bool(name string, value bool) { e.String(name, strconv.FormatBool(value)) }

// Time writes a time in whole seconds, UTC.
func (e *Encoder) Time(name string, value time.Time) {
	e.String(name, value.UTC().Format("2006-01-02T15:04:05Z"))
}

// EncodeStrings writes a list of texts.
func EncodeStrings[T ~string](e *Encoder, name string, list []T) {
	e.Open(name)
	for _, text := range list {
		e.String("member", string(text))
	}
	e.Close(name)
}

// EncodeStructures writes a list of structures.
func EncodeStructures[T any, P interface {
	*T
	Result
}](e *Encoder, name string, list []T) {
	e.Open(name)
	for i := range list {
		e.Open("member")
		P(&list[i]).EncodeXML(e)
		e.Close("member")
	}
	e.Close(name)
}

// EncodeMap writes numbers by name, in the order of the names.
func EncodeMap[K ~string](e *Encoder, name string, of map[K]int32) {
	e.Open(name)
	for _, key := range slices.Sorted(maps.Keys(of)) {
		e.Open("entry")
		e.String("key", string(key))
		e.Int("value", of[key])
		e.Close("entry")
	}
	e.Close(name)
}
