package ecr

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/twinport/twinport/internal/awsapi/awsjson"
	"github.com/twinport/twinport/internal/registry"
)

// pagedRequest is one for a page of a list. All that have a nextToken are:
// their methods are generated.
type pagedRequest interface {
	// paging returns what the request says of the page, and all else that it says.
	paging() (operation, nextToken string, maxResults int32, rest any)
}

// page is the page that a request asks for, with byDefault items if it does not
// say how many, and what makes the token of the page after it. A token is good
// for the same operation, the same registry and a request that else says the
// same, and nowhere else.
func (c Call) page(in pagedRequest, byDefault int32) (p registry.Page, token func(after string) string, err error) {
	operation, nextToken, maxResults, rest := in.paging()
	same, err := json.Marshal(rest)
	if err != nil {
		return p, nil, fmt.Errorf("write a request for %s as JSON: %w", operation, err)
	}
	scope := []string{operation, c.Registry.String(), string(same)}
	p, err = awsjson.Page(nextToken, cmp.Or(maxResults, byDefault), scope...)
	return p, func(after string) string { return awsjson.NextToken(after, scope...) }, err
}

// notPaged refuses paging together with a list of what to describe.
func notPaged(in pagedRequest, list string) error {
	_, nextToken, maxResults, _ := in.paging()
	if nextToken != "" {
		return awsjson.Violation("nextToken", "nextToken cannot be used together with "+list)
	}
	if maxResults != 0 {
		return awsjson.Violation("maxResults", "maxResults cannot be used together with "+list)
	}
	return nil
}
