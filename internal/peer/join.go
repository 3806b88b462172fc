package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/twinport/twinport/internal/metadata"
)

const (
	// joinTimeout is how long joining may take, each call.
	joinTimeout = 30 * time.Second
	// storeTimeout is how long it may take to store a peer that knows us already.
	storeTimeout = 10 * time.Second
)

// errPreview ends a transaction that was to find out only whether it could be done.
var errPreview = errors.New("peer: only a preview")

// Join makes the deployment that has made the code a peer with this grant, and this deployment a peer of it: first
// there, after both sides have found that they can be. If it fails nothing is stored here. If the other side has done it
// and its answer was lost, doing it again succeeds. A deployment that is a peer may join again, so that both sides
// agree on what they serve now; an empty grant leaves the one that it has.
func (d *Directory) Join(ctx context.Context, code string, grant Grant) (Record, error) {
	return d.join(ctx, code, grant, false)
}

// JoinOutbound is Join for a deployment that the other side is not to call at its URL, if it has one: it dials tunnels,
// through which it is called.
func (d *Directory) JoinOutbound(ctx context.Context, code string, grant Grant) (Record, error) {
	return d.join(ctx, code, grant, true)
}

func (d *Directory) join(ctx context.Context, code string, grant Grant, outbound bool) (Record, error) {
	if err := grant.check(); err != nil {
		return Record{}, refuse(InvalidRequest, "The grant is not valid: %s.", err)
	}
	i, err := parseCode(code)
	if err != nil {
		return Record{}, err
	}
	if i.id == d.party.ID {
		return Record{}, d.ownCode(ctx, i)
	}
	if err := d.checkReady(); err != nil {
		return Record{}, err
	}
	if err := d.Refresh(ctx); err != nil {
		return Record{}, err
	}
	transport := d.newTransport()
	defer transport.CloseIdleConnections()
	inviting := target{
		id: i.id, name: "the deployment of the code", url: i.url, transport: transport, keys: []Key{i.key},
		sign: d.current.Load().keys.newest(),
	}
	caller := &caller{d: d, target: func() (target, error) { return inviting, nil }}
	request := JoinRequest{
		Party: d.partyFor(Record{Outbound: outbound}), Key: inviting.sign.public(), Secret: i.secret, Preview: true,
	}
	preview, err := askToJoin(ctx, caller, request, i)
	if err != nil {
		return Record{}, err
	}
	as := newPeer{url: i.url, key: preview.Key, grant: grant, outbound: outbound}
	if err := d.admit(ctx, preview.Party, as, true); err != nil {
		return Record{}, err
	}
	request.Preview = false
	answer, err := askToJoin(ctx, caller, request, i)
	if err != nil {
		return Record{}, err
	}
	as.key = answer.Key
	// The other side knows us now, so whoever has asked for it may leave.
	storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err := errors.Join(d.admit(storing, answer.Party, as, false), d.Refresh(storing)); err != nil {
		return Record{}, fmt.Errorf("store the deployment %s, which has this one as a peer already (join again with "+
			"the same code): %w", answer.Name, err)
	}
	record, found := d.Peer(i.id)
	if !found {
		return Record{}, d.noPeer(answer.Name)
	}
	d.log.Info("joined a peer", "peer", record.Name, "id", record.ID, "url", record.URL)
	if c := d.Client(record.ID); c != nil {
		_ = c.note(nil) // it has answered, after all that may have failed before
		c.setGranted(answer.Granted)
		ctx, cancel := context.WithTimeoutCause(ctx, helloTimeout, errSlow)
		defer cancel()
		_, _ = c.Hello(ctx) // so that it knows that it may call; the state says how that went
		signal(c.redial)
	}
	return record, nil
}

// askToJoin asks the deployment of a code to make this one a peer, or whether it would.
func askToJoin(ctx context.Context, c *caller, request JoinRequest, i invitation) (answer JoinAnswer, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return answer, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, joinTimeout, errSlow)
	defer cancel()
	_, err = c.call(ctx, call{
		method: http.MethodPost, operation: OperationJoin, body: body, contentType: jsonType, answer: &answer,
	})
	if err != nil {
		return answer, err
	}
	if answer.ID != i.id || answer.check() != nil || checkKeys([]Key{answer.Key}) != nil ||
		answer.Granted != nil && answer.Granted.check() != nil {
		return answer, refuse(Garbage, "The deployment at %s says of itself what is not valid: are both deployments "+
			"up to date?", i.url)
	}
	answer.Party = answer.clean()
	return answer, nil
}

// ownCode says that a code was made by a deployment of this identity.
func (d *Directory) ownCode(ctx context.Context, i invitation) error {
	_, err := d.store.Read(ctx).Peers().Invitation(hashOf(i.secret))
	switch {
	case err == nil:
		return refuse(CodeInvalid, "%s has made the code itself: run twinport peer join with it at the other "+
			"deployment. If this is another one, its data is a copy of that one's: begin with data of its own.", d)
	case !errors.Is(err, metadata.ErrNotFound):
		return storeError(err)
	}
	return d.sameIdentity("The code")
}

// Accept is what OperationJoin does: it authenticates the request, which has this body, and makes its sender a peer if
// it has an invitation.
func (d *Directory) Accept(r *http.Request, body []byte) (JoinAnswer, error) {
	answer, err := d.accept(r, body)
	if err != nil {
		d.logRefusal(r, err)
	}
	return answer, err
}

func (d *Directory) accept(r *http.Request, body []byte) (JoinAnswer, error) {
	ctx := r.Context()
	request, err := d.readJoin(r, body)
	if err != nil {
		return JoinAnswer{}, err
	}
	if _, _, err := d.invited(d.store.Read(ctx).Peers(), request.Secret, request.ID); err != nil {
		return JoinAnswer{}, storeError(err)
	}
	if err := d.checkReady(); err != nil { // the configuration may be another than when the code was made
		return JoinAnswer{}, err
	}
	if err := d.checkCopied(ctx, request); err != nil {
		return JoinAnswer{}, err
	}
	var again bool
	err = d.update(ctx, func(tx *metadata.Tx) (err error) {
		var i invitationDocument
		if i, again, err = d.invited(tx.Peers().Peers, request.Secret, request.ID); err != nil {
			return err
		}
		if again {
			// Whoever knows the code must not become a peer that has used it, nor undo what was changed since.
			e, err := entryOf(tx, request.ID)
			if err == nil && (e == nil || !e.has(request.Key)) {
				err = codeUsed()
			}
			return err
		}
		if err := d.put(tx, request.Party, newPeer{url: request.URL, key: request.Key, grant: i.Grant}); err != nil {
			return err
		}
		if request.Preview {
			return errPreview
		}
		used, err := tx.Peers().UseInvitation(hashOf(request.Secret), request.ID)
		if err == nil && !used {
			err = codeUsed()
		}
		return err
	})
	if err != nil && !errors.Is(err, errPreview) {
		return JoinAnswer{}, storeError(err)
	}
	answer := JoinAnswer{Party: d.party}
	if !request.Preview {
		if err := d.Refresh(ctx); err != nil {
			return JoinAnswer{}, storeError(err)
		}
		if !again { // else it could fill the log
			d.log.Info("a peer has joined", "peer", request.Name, "id", request.ID, "url", request.URL)
		}
		if known, found := d.Peer(request.ID); found {
			answer.Granted = &known.Grant
		}
	}
	answer.Key = d.current.Load().keys.newest().public()
	return answer, nil
}

// readJoin reads a request to join, and proves that it comes from who has the key that it names.
func (d *Directory) readJoin(r *http.Request, body []byte) (request JoinRequest, err error) {
	q, err := d.read(r)
	if err != nil {
		return request, err
	}
	invalid := func(what string) (JoinRequest, error) {
		return JoinRequest{}, refuse(InvalidRequest, "The request to join is not valid: %s.", what)
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return invalid("it is not JSON as it should be")
	}
	if request.ID != q.header.peer || request.Key.Number != q.key || checkKeys([]Key{request.Key}) != nil {
		return invalid("it has another id or key than its headers say")
	}
	// One that is sent again changes nothing; so strangers fill no memory here.
	if err := d.verify(q, []Key{request.Key}); err != nil {
		return request, err
	}
	if err := CheckContent(r, body); err != nil {
		return request, err
	}
	if err := request.check(); err != nil {
		return invalid(err.Error())
	}
	request.Party = request.clean()
	if request.OldestProtocol > NewestProtocol || request.NewestProtocol < OldestProtocol {
		return request, d.wrongVersion(request.Party)
	}
	if plain(request.URL) && !d.allowPlain {
		return request, refuse(PlainRefused, "The deployment %s has the URL %s, without TLS, and %s calls peers with "+
			"TLS only: give it a certificate and an https URL.", request.Name, request.URL, d)
	}
	return request, nil
}

// checkCopied finds that a deployment joins under the identity of a peer that still answers elsewhere: its data is a
// copy of the peer's. A peer whose URL has changed says so itself.
func (d *Directory) checkCopied(ctx context.Context, request JoinRequest) error {
	known, found := d.Peer(request.ID)
	if !found || known.URL == "" || known.URL == request.URL || !known.has(request.Key) {
		return nil
	}
	if c := d.Client(known.ID); c == nil || !c.isAt(ctx, known.URL) {
		return nil
	}
	return twoOfOne(known, request.URL)
}

// twoOfOne says that two deployments have one identity.
func twoOfOne(known Record, url string) *Error {
	return refuse(SameIdentity, "Two deployments have the same identity, %s: the peer %s at %s and one at %s. The "+
		"data of one is a copy of the other's: begin one of the two with data of its own, or stop it.", known.ID,
		known.Name, known.URL, orNowhere(url))
}

func orNowhere(url string) string {
	if url == "" {
		return "no URL"
	}
	return url
}

// newPeer is what is stored of a peer that joins, besides what it says of itself.
type newPeer struct {
	url      string
	key      Key
	grant    Grant
	outbound bool
}

// admit stores the deployment that has answered as a peer, or finds only whether it can be one.
func (d *Directory) admit(ctx context.Context, p Party, as newPeer, preview bool) error {
	err := d.update(ctx, func(tx *metadata.Tx) error {
		err := d.put(tx, p, as)
		if err == nil && preview {
			err = errPreview
		}
		return err
	})
	if errors.Is(err, errPreview) {
		return nil
	}
	return err
}

// entryOf returns a peer in a transaction; nil if there is none of the id.
func entryOf(tx *metadata.Tx, id string) (*entry, error) {
	row, err := tx.Peers().Get(id)
	if errors.Is(err, metadata.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return readEntry(row)
}

// put stores a deployment as a peer. One that is a peer already must have proven that by a key that is known. It is an
// *Error if the deployment cannot be a peer.
func (d *Directory) put(tx *metadata.Tx, p Party, as newPeer) error {
	row, err := tx.Peers().Deployment()
	if err != nil {
		return err
	}
	own, err := readIdentity(row)
	if err != nil {
		return err
	}
	all, err := entries(tx)
	if err != nil {
		return err
	}
	if err := d.checkNew(p, all); err != nil {
		return err
	}
	newest := own.Keys[len(own.Keys)-1].Number
	e := &entry{confirmed: newest, settled: newest, Record: Record{
		ID: p.ID, Keys: []Key{as.key}, Grant: as.grant, Source: Joined, JoinedAt: d.now(),
	}}
	i := slices.IndexFunc(all, func(e *entry) bool { return e.ID == p.ID })
	if i >= 0 {
		was := all[i]
		switch {
		case was.Source == FromConfiguration:
			return refuse(Configuration, "The configuration of %s has the deployment %s as the peer %s: change it "+
				"there, rather than join.", d, p.ID, was.Name)
		case !was.has(as.key):
			return refuse(Signature, "%s knows the deployment %s as the peer %s, by another key: if that deployment "+
				"has lost its key, remove the peer first (twinport peer remove %s) and join again.", d, p.ID, was.Name,
				was.Name)
		}
		e, e.row = was, was.row
		if !as.grant.isNone() {
			e.Grant = as.grant
		}
	}
	e.Name, e.URL, e.Regions, e.Accounts, e.Outbound = p.Name, as.url, p.Regions, p.Accounts, as.outbound
	if i < 0 {
		return tx.Peers().Create(e.ID, e.Name, e.document())
	}
	return save(tx, e)
}

// checkNew reports why a deployment cannot be a peer beside those that there are.
func (d *Directory) checkNew(p Party, all []*entry) error {
	if len(all) >= maxPeers && !slices.ContainsFunc(all, func(e *entry) bool { return e.ID == p.ID }) {
		return refuse(Full, "%s has %d peers, as many as it may: remove one first.", d, len(all))
	}
	if p.Name == d.party.Name {
		return refuse(NameConflict, "Both deployments have the name %s: set deployment.name of one to another.", p.Name)
	}
	both, with := conflicts(d.party.Regions, d.party.Accounts, p.Regions, p.Accounts), d.String()
	for _, e := range all {
		if e.ID == p.ID {
			continue
		}
		if e.Name == p.Name {
			return refuse(NameConflict, "%s has a peer %s already, another deployment: set deployment.name of one of "+
				"them to another. If the other one is gone, remove it first (twinport peer remove %s).", d, p.Name,
				p.Name)
		}
		if both == "" {
			both, with = conflicts(e.Regions, e.Accounts, p.Regions, p.Accounts), e.Record.String()
		}
	}
	if both != "" {
		return refuse(RegistryConflict, "The deployment %s serves %s, and so does %s: two deployments may not serve "+
			"the same account in the same Region. Take the Regions or accounts out of the configuration of one of "+
			"them.", p.Name, both, with)
	}
	return nil
}
