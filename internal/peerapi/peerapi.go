// Package peerapi answers what other deployments ask of this one, below /peer/v1/:
// to become peers, and to replicate. docs/peers.md describes the protocol. Every
// request but the one that joins is signed by a peer that this deployment knows,
// and every answer by this deployment.
package peerapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/twinport/twinport/internal/budget"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/resource"
)

// Config is what New needs.
type Config struct {
	Peers       *peer.Directory
	Replication Replication
	Limits      *budget.Limits
	Logger      *slog.Logger
}

// Replication does what peers ask. *replication.Service is the one that serves.
type Replication interface {
	Receive(ctx context.Context, from peer.Record, m replication.SentImages) (replication.SentImagesAnswer, error)
	AskLayers(ctx context.Context, from peer.Record, m replication.AskedLayers) (replication.AskedLayersAnswer, error)
	TakePart(ctx context.Context, from peer.Record, p replication.Part, content []byte) (replication.PartAnswer, error)
	AskChecks(ctx context.Context, from peer.Record, m replication.AskedChecks) (replication.AskedChecksAnswer, error)
	AskChanges(ctx context.Context, from peer.Record, m replication.AskedChanges) (replication.AskedChangesAnswer, error)
	AskComparison(ctx context.Context, from peer.Record,
		m replication.AskedComparison) (replication.AskedComparisonAnswer, error)
}

// Limits of bodies, in bytes.
const (
	smallBody = 1 << 20
	// imagesBody has room for the manifests of a message, or for the largest manifest
	// alone, in the form that JSON gives them.
	imagesBody = 8 << 20
	// compareBody has room for as many of the longest names as a message may have.
	compareBody = 2 << 20
)

// operation is one that peers ask.
type operation struct {
	method string
	limit  int64 // of the body
	// open is whether it may be asked by who is no peer.
	open bool
	// take may take the connection over (errTaken), and else does what answer does. It is nil for most.
	take func(h *handler, w http.ResponseWriter, r *http.Request, from peer.Record) (any, error)
	// answer returns what is to be answered.
	answer answer
}

type answer func(h *handler, r *http.Request, from peer.Record, body []byte) (any, error)

var operations = map[string]operation{
	peer.OperationJoin: {
		method: http.MethodPost, limit: smallBody, open: true,
		answer: func(h *handler, r *http.Request, _ peer.Record, body []byte) (any, error) {
			return h.peers.Accept(r, body)
		},
	},
	peer.OperationHello: {
		method: http.MethodPost, limit: smallBody,
		answer: asked(func(ctx context.Context, h *handler, from peer.Record, m peer.HelloRequest) (peer.Hello, error) {
			return h.peers.Greet(ctx, from, m)
		}),
	},
	peer.OperationKeys: {
		method: http.MethodPost, limit: smallBody,
		answer: asked(func(ctx context.Context, h *handler, from peer.Record, m peer.KeysRequest) (peer.KeysAnswer, error) {
			return h.peers.AcceptKeys(ctx, from, m)
		}),
	},
	peer.OperationTunnel:         {method: http.MethodGet, take: takeTunnel},
	replication.OperationImages:  {method: http.MethodPost, limit: imagesBody, answer: askedOf(Replication.Receive)},
	replication.OperationLayers:  {method: http.MethodPost, limit: smallBody, answer: askedOf(Replication.AskLayers)},
	replication.OperationParts:   {method: http.MethodPut, limit: replication.PartSize, answer: takePart},
	replication.OperationCheck:   {method: http.MethodPost, limit: smallBody, answer: askedOf(Replication.AskChecks)},
	replication.OperationChanges: {method: http.MethodPost, limit: smallBody, answer: askedOf(Replication.AskChanges)},
	replication.OperationCompare: {method: http.MethodPost, limit: compareBody, answer: askedOf(Replication.AskComparison)},
}

// asked reads the request of an operation from its body.
func asked[Q, A any](do func(ctx context.Context, h *handler, from peer.Record, m Q) (A, error)) answer {
	return func(h *handler, r *http.Request, from peer.Record, body []byte) (any, error) {
		var m Q
		if err := json.Unmarshal(body, &m); err != nil {
			return nil, &peer.Error{Code: peer.InvalidRequest, Message: "The request is not the JSON that it should be.", Err: err}
		}
		return do(r.Context(), h, from, m)
	}
}

// askedOf is asked for what the replication answers.
func askedOf[Q, A any](do func(by Replication, ctx context.Context, from peer.Record, m Q) (A, error)) answer {
	return asked(func(ctx context.Context, h *handler, from peer.Record, m Q) (A, error) {
		return do(h.replication, ctx, from, m)
	})
}

// errTaken says that a connection was taken over, so that nothing is to be answered.
var errTaken = errors.New("the connection was taken over")

func takeTunnel(h *handler, w http.ResponseWriter, r *http.Request, from peer.Record) (any, error) {
	answer, taken, err := h.peers.AcceptTunnel(w, r, from)
	if taken {
		return nil, errTaken
	}
	return answer, err
}

// takePart takes a part of a layer, which is the body.
func takePart(h *handler, r *http.Request, from peer.Record, body []byte) (any, error) {
	p, err := partOf(r)
	if err != nil {
		return nil, err
	}
	return h.replication.TakePart(r.Context(), from, p, body)
}

func partOf(r *http.Request) (p replication.Part, err error) {
	query := r.URL.Query()
	p.Repository, p.Digest, p.Upload = query.Get("repository"), query.Get("digest"), query.Get("upload")
	p.Ended = query.Get("ended") == "true"
	var good [4]bool
	p.Source, good[0] = registryOf(query.Get("source"))
	p.Destination, good[1] = registryOf(query.Get("destination"))
	p.Offset, good[2] = number(query.Get("offset"))
	if p.Size, good[3] = number(query.Get("size")); p.Upload != "" && p.Digest == "" && query.Get("size") == "" {
		p.Size, good[3] = replication.UnknownSize, true
	}
	if good != [4]bool{true, true, true, true} {
		return p, &peer.Error{Code: peer.InvalidRequest, Message: "The query of the part is not what it should be."}
	}
	return p, nil
}

// registryOf reads account/Region.
func registryOf(text string) (id resource.Registry, ok bool) {
	id.Account, id.Region, ok = strings.Cut(text, "/")
	return id, ok
}

func number(text string) (n int64, ok bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0
}

type handler struct {
	peers       *peer.Directory
	replication Replication
	limits      *budget.Limits
	log         *slog.Logger
}

// New returns the handler of all paths below peer.PathPrefix.
func New(c Config) http.Handler {
	return &handler{peers: c.Peers, replication: c.Replication, limits: c.Limits, log: c.Logger}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := h.serve(w, r)
	if errors.Is(err, errTaken) {
		return
	}
	status := http.StatusOK
	var body []byte
	if err == nil {
		body, err = json.Marshal(answer)
	}
	if err != nil {
		status, body = h.failure(w, r, err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	h.peers.SignAnswer(w.Header(), r, status, body)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a peer that went away asks again
}

// serve answers a request. Its body is read when it is known whose it is.
func (h *handler) serve(w http.ResponseWriter, r *http.Request) (any, error) {
	name := strings.TrimPrefix(r.URL.Path, peer.PathPrefix)
	op, known := operations[name]
	if !known || r.Method != op.method {
		return nil, &peer.Error{Code: peer.InvalidRequest, Message: fmt.Sprintf("There is no operation %s %s in the versions "+
			"%d to %d of the protocol.", r.Method, registry.Shorten(name), peer.OldestProtocol, peer.NewestProtocol)}
	}
	var from peer.Record
	party := budget.Party{Network: budget.NetworkOf(r.RemoteAddr)}
	if !op.open {
		var err error
		if from, err = h.peers.AuthenticateHeader(r); err != nil {
			return nil, err
		}
		party = budget.Party{Account: "peer " + from.Name}
	}
	held := h.limits.Begin(party)
	defer held.End()
	body, err := budget.ReadAll(r.Context(), r.Body, r.ContentLength, op.limit, &held.Memory)
	if errors.Is(err, budget.ErrTooLong) {
		return nil, &peer.Error{Code: peer.InvalidRequest, Message: fmt.Sprintf("The body of %s is longer than %d bytes.",
			name, op.limit)}
	}
	if err != nil {
		return nil, err
	}
	if !op.open {
		if err := peer.CheckContent(r, body); err != nil {
			return nil, err
		}
	}
	if op.take != nil {
		return op.take(h, w, r, from)
	}
	return op.answer(h, r.WithContext(held.NewContext(r.Context())), from, body)
}

// failure is the answer for an error.
func (h *handler) failure(w http.ResponseWriter, r *http.Request, err error) (status int, body []byte) {
	var limited *budget.Error
	var refused *registry.Error
	var known *peer.Error
	switch {
	case errors.As(err, &known):
	case errors.As(err, &limited):
		err = &peer.Error{Code: peer.Throttled, Message: limited.Message(), RetryAfter: budget.RetryAfter, Err: err}
	case errors.As(err, &refused):
		err = &peer.Error{Code: codeOf(refused.Code), Message: refused.Message, Err: err}
	case r.Context().Err() != nil:
	case registry.IsUnavailable(err): // the peer asks again
		h.log.Warn("could not do what a peer asks: a store does not answer", "path", r.URL.Path, "error", err)
	default:
		h.log.Error("could not do what a peer asks", "path", r.URL.Path, "error", err)
	}
	status, answer := peer.AnswerOf(err)
	if answer.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(answer.RetryAfterSeconds))
	}
	body, err = json.Marshal(answer)
	if err != nil {
		panic(err) // it has strings and numbers only
	}
	return status, body
}

// codeOf is what peers call an error of the domain.
func codeOf(code registry.Code) string {
	switch code {
	case registry.StorageFull:
		return peer.Full
	case registry.Throttled:
		return peer.Throttled
	case registry.AccessDenied:
		return replication.PeerNotGranted
	case registry.UploadNotFound: // another process has ended it: the part is to be sent again
		return peer.Internal
	}
	return peer.InvalidRequest
}
