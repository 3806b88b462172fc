package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/peer"
	"github.com/twinport/twinport/internal/stores"
)

const (
	// maxPeersRequest and maxPeersAnswer bound what commands and the server say to
	// each other, in bytes: a list of all peers with all accounts that each may have.
	maxPeersRequest = 1 << 20
	maxPeersAnswer  = 256 << 20
)

// PeersRequest asks something of the peers of a deployment. Each operation uses
// some of it.
type PeersRequest struct {
	Name  string     // of a peer
	Code  string     // of an invitation
	Grant peer.Grant // that the other side gets here
	// Outbound has tunnels dialled, through which the other side calls.
	Outbound bool
}

// PeersAnswer is what operations on peers answer. Each fills some of it.
type PeersAnswer struct {
	// Self is this deployment, and Identity the text by which the configuration of
	// another one knows it.
	Self     peer.Self
	Identity string
	// Code is an invitation's, good until Expires.
	Code    string
	Expires time.Time
	// Peers are those that were asked about.
	Peers []peer.Status
}

// peerOperations are what commands can ask, by name.
var peerOperations = map[string]func(context.Context, *peer.Directory, PeersRequest, *PeersAnswer) error{
	"identity":   func(context.Context, *peer.Directory, PeersRequest, *PeersAnswer) error { return nil },
	"invite":     invite,
	"join":       join,
	"list":       listPeers,
	"check":      checkPeers,
	"grant":      grantPeer,
	"remove":     removePeer,
	"rotate-key": rotateKey,
}

func invite(ctx context.Context, d *peer.Directory, r PeersRequest, a *PeersAnswer) (err error) {
	a.Code, a.Expires, err = d.Invite(ctx, r.Grant)
	return err
}

func join(ctx context.Context, d *peer.Directory, r PeersRequest, a *PeersAnswer) error {
	join := d.Join
	if r.Outbound {
		join = d.JoinOutbound
	}
	record, err := join(ctx, r.Code, r.Grant)
	a.Peers = []peer.Status{d.StatusOf(record)}
	return err
}

func grantPeer(ctx context.Context, d *peer.Directory, r PeersRequest, a *PeersAnswer) error {
	record, err := d.SetGrant(ctx, r.Name, r.Grant)
	a.Peers = []peer.Status{d.StatusOf(record)}
	return err
}

func removePeer(ctx context.Context, d *peer.Directory, r PeersRequest, _ *PeersAnswer) error {
	return d.Remove(ctx, r.Name)
}

func rotateKey(ctx context.Context, d *peer.Directory, _ PeersRequest, a *PeersAnswer) error {
	err := d.RotateKey(ctx)
	a.Peers = d.Statuses()
	return err
}

func listPeers(ctx context.Context, d *peer.Directory, _ PeersRequest, a *PeersAnswer) (err error) {
	a.Peers, err = d.List(ctx)
	return err
}

func checkPeers(ctx context.Context, d *peer.Directory, r PeersRequest, a *PeersAnswer) (err error) {
	a.Peers, err = d.Check(ctx, r.Name)
	return err
}

// ask has an operation done.
func ask(ctx context.Context, d *peer.Directory, operation string, r PeersRequest) (a PeersAnswer, err error) {
	do := peerOperations[operation]
	if do == nil {
		return a, fmt.Errorf("the operation %.80q on peers is not known: the command and the server are of different "+
			"versions, so restart the server", operation)
	}
	err = do(ctx, d, r, &a)
	a.Self, a.Identity = d.Self(), d.Identity()
	return a, err
}

// servePeers answers a command, on the control socket.
func (g *generation) servePeers(w http.ResponseWriter, r *http.Request) {
	var request PeersRequest
	if !readCommand(w, r, maxPeersRequest, &request) {
		return
	}
	answer, err := ask(r.Context(), g.directory, r.PathValue("operation"), request)
	if e, ok := errors.AsType[*peer.Error](err); ok {
		answerCommand(w, http.StatusConflict, peer.ErrorAnswer{Code: e.Code, Message: e.Message})
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answerCommand(w, http.StatusOK, answer)
}

// AskPeers has an operation done on the peers of the deployment that is
// configured: by its server where the facts are in the data folder
// (control.ErrNoServer), else in the database, which its servers read. What is
// refused is a *peer.Error.
func AskPeers(ctx context.Context, cfg config.Config, operation string, r PeersRequest) (PeersAnswer, error) {
	if cfg.Database == "" {
		return askPeers(ctx, cfg.Data, operation, r)
	}
	m, err := stores.OpenMetadata(ctx, cfg)
	if err != nil {
		return PeersAnswer{}, err
	}
	defer m.Close()
	d, err := openDirectory(ctx, cfg, m, slog.New(slog.DiscardHandler))
	if err != nil {
		return PeersAnswer{}, err
	}
	return ask(ctx, d, operation, r)
}

// askPeers has the server of the data folder do an operation.
func askPeers(ctx context.Context, data, operation string, r PeersRequest) (a PeersAnswer, err error) {
	var refusal peer.ErrorAnswer
	refused, err := askServer(ctx, data, "/peers/"+operation, maxPeersAnswer, r, &a, &refusal, "knows no peers")
	if err == nil && refused {
		err = &peer.Error{Code: refusal.Code, Message: refusal.Message}
	}
	return a, err
}
