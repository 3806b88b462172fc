package twinport

import (
	"strconv"
	"time"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

// empty is a request without members.
type empty struct{}

// Decode implements awsjson.Decodable.
func (*empty) Decode(d *awsjson.Decoder) {
	for d.Open(); d.Member(); {
		d.Unknown()
	}
}

// Validate implements awsjson.Decodable.
func (*empty) Validate(string) *awsjson.Exception { return nil }

// seconds is a time as answers have it: seconds since 1970, to the microsecond.
type seconds struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(t.UnixMicro())/1e6, 'f', -1, 64), nil
}

// oneOf limits a string to some values.
func oneOf(values ...string) *awsjson.StringLimits {
	return &awsjson.StringLimits{Min: awsjson.Unlimited, Max: awsjson.Unlimited, Values: values}
}

// checkEach checks the strings of a list, and how many there are.
func checkEach(at, name string, values []string, most int64, limits *awsjson.StringLimits) *awsjson.Exception {
	if e := awsjson.CheckCount(at, name, len(values), 1, most); e != nil {
		return e
	}
	for i, v := range values {
		if e := limits.Check(at+name+".", awsjson.Item(i), v); e != nil {
			return e
		}
	}
	return nil
}

// paging are the members of a request for a page of a list.
type paging struct {
	MaxResults int32
	NextToken  string
}

// page is the page that is asked for of the list that scope names.
func (p paging) page(scope ...string) (registry.Page, error) {
	return awsjson.Page(p.NextToken, p.MaxResults, scope...)
}

// Destination is a registry to replicate to.
type Destination struct {
	RegistryID string `json:"registryId"`
	Region     string `json:"region"`
}

func destinationsOf(ids []resource.Registry) []Destination {
	out := make([]Destination, 0, len(ids))
	for _, id := range ids {
		out = append(out, Destination{id.Account, id.Region})
	}
	return out
}

// failure are the members that say why a replication is refused or failed.
type failure struct {
	Code      string `json:"failureCode,omitzero"`
	Detail    string `json:"failureDetail,omitzero"`
	Reason    string `json:"failureReason,omitzero"`
	Statement string `json:"statement,omitzero"`
}

// millis is a duration as answers have it.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
