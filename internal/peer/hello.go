package peer

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

const (
	// maxUnagreed is how many names of each kind Unagreed has.
	maxUnagreed = 20
	// greetTimeout is how long a known peer has to answer at its URL, before another deployment with its identity is
	// believed to be it.
	greetTimeout = 5 * time.Second
)

// Unagreed is what a peer serves now that was not agreed when it joined, some of each, and its URL if it is another.
// Nothing follows from it: joining again agrees on it.
type Unagreed struct {
	Regions, Accounts []string
	URL               string
}

// Hello asks the peer for its state, whether it is usable or not: who it is, its version and its clock. The error is
// an *Error, or that of ctx.
func (c *Client) Hello(ctx context.Context) (Hello, error) {
	hello, err := c.sayHello(ctx)
	return hello, c.note(err)
}

func (c *Client) sayHello(ctx context.Context) (hello Hello, err error) {
	record, _ := c.d.Peer(c.id)
	body, err := json.Marshal(HelloRequest{Party: c.d.partyFor(record)})
	if err != nil {
		return Hello{}, err
	}
	roundTrip, err := c.caller.call(ctx, call{
		method: http.MethodPost, operation: OperationHello, body: body, contentType: jsonType, answer: &hello,
	})
	if err != nil {
		return Hello{}, err
	}
	now := c.d.now()
	hello.Party = hello.clean()
	if hello.ID != c.id || hello.check() != nil || hello.Granted != nil && hello.Granted.check() != nil {
		return Hello{}, refuse(Garbage, "%s says of itself what is not valid: are both deployments up to date?",
			c.subject())
	}
	if hello.OldestProtocol > NewestProtocol || hello.NewestProtocol < OldestProtocol {
		return Hello{}, c.d.wrongVersion(hello.Party)
	}
	if offset := hello.Time.Add(roundTrip / 2).Sub(now); offset < maxOffset && offset > -maxOffset {
		c.caller.setOffset(offset)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hello, c.protocol, c.granted = hello, min(NewestProtocol, hello.NewestProtocol), hello.Granted
	c.roundTrips = append(c.roundTrips, roundTrip)
	c.roundTrips = c.roundTrips[max(0, len(c.roundTrips)-keptRoundTrips):]
	return hello, nil
}

// unagreed compares what a peer says of itself with what was agreed.
func unagreed(agreed Record, hello Hello) (u Unagreed) {
	if hello.ID == "" {
		return Unagreed{}
	}
	u.Regions, u.Accounts = missing(hello.Regions, agreed.Regions), missing(hello.Accounts, agreed.Accounts)
	if hello.URL != agreed.URL {
		u.URL = hello.URL
	}
	return u
}

// missing returns some of the items that a list, which is in order, lacks.
func missing(items, from []string) (lacking []string) {
	for _, item := range items {
		if _, found := slices.BinarySearch(from, item); !found && len(lacking) < maxUnagreed {
			lacking = append(lacking, item)
		}
	}
	return lacking
}

// Greet is what OperationHello does for a peer that Authenticate returned. It finds that the request comes from another
// deployment that has the peer's identity, if the peer itself still answers at its URL: a peer whose URL has changed
// says so there, too.
func (d *Directory) Greet(ctx context.Context, from Record, request HelloRequest) (Hello, error) {
	if request.OldestProtocol > NewestProtocol || request.NewestProtocol < OldestProtocol {
		request.Party = request.clean()
		request.Name = from.Name
		return Hello{}, d.wrongVersion(request.Party)
	}
	c := d.Client(from.ID)
	if from.URL != "" && request.URL != from.URL && c != nil && c.wasAt(from.URL) && c.isAt(ctx, from.URL) {
		err := twoOfOne(from, cleaned(request.URL, maxURL))
		if d.mayLog(SameIdentity + " " + from.ID) {
			d.log.Error("two deployments have one identity", "peer", from.Name, "error", err.Message)
		}
		return Hello{}, err
	}
	if c != nil {
		c.knowsUs()
	}
	return Hello{Party: d.partyFor(from), Time: d.now().UTC(), Granted: &from.Grant}, nil
}

// wasAt reports whether the peer has lately said that it is at the URL, and answered there.
func (c *Client) wasAt(url string) bool {
	now := c.d.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hello.URL == url && c.problem == nil && now.Sub(c.lastSuccess) < 3*helloInterval+helloTimeout
}

// isAt asks the peer, at the URL that is known of it, whether that is its URL still. While it asks, others that want to
// know are answered that it is not: else two peers could ask each other in a circle.
func (c *Client) isAt(ctx context.Context, url string) bool {
	if !c.asking.CompareAndSwap(false, true) {
		return false
	}
	defer c.asking.Store(false)
	ctx, cancel := context.WithTimeoutCause(ctx, greetTimeout, errSlow)
	defer cancel()
	hello, err := c.Hello(ctx)
	return err == nil && hello.URL == url
}
