package iam

import (
	"encoding/json"
	"fmt"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/awsapi/awsquery"
	"github.com/twinport/twinport/internal/iam"
)

// pagedRequest is one for a page of a list. All that have a Marker are: their
// methods are generated.
type pagedRequest interface {
	// paging returns what the request says of the page, and all else that it says.
	paging() (operation, marker string, maxItems int32, rest any)
}

// page is the part of a list that a request asks for.
type page struct {
	iam.Page
	scope []string
}

// pageOf is the page that a request of the caller's asks for. A marker is good for
// the same operation, the same account and a request that else says the same, and
// nowhere else.
func pageOf(c access.Caller, in pagedRequest) (page, error) {
	operation, marker, maxItems, rest := in.paging()
	same, err := json.Marshal(rest)
	if err != nil {
		return page{}, fmt.Errorf("write a request for %s as JSON: %w", operation, err)
	}
	p := page{
		Page: iam.Page{MaxItems: int(maxItems)}, scope: []string{operation, c.Identity.Principal.Account, string(same)},
	}
	if marker == "" {
		return p, nil
	}
	after, ok := awsjson.OpenToken(marker, p.scope...)
	if !ok {
		return page{}, awsjson.Exceptionf(awsquery.ValidationError, "Invalid Marker: use the one of the page before, with the "+
			"same other parameters")
	}
	p.Marker = after
	return p, nil
}

// after returns what an answer says of the page after the domain's marker, "" if there is none.
func (p page) after(marker string) (truncated bool, token string) {
	return marker != "", awsjson.NextToken(marker, p.scope...)
}
