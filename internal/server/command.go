package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/twinport/twinport/internal/blob"
	"github.com/twinport/twinport/internal/config"
	"github.com/twinport/twinport/internal/control"
	"github.com/twinport/twinport/internal/metadata"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/replication"
	"github.com/twinport/twinport/internal/stores"
)

// Commands ask the server of their data folder, on the control socket: a request and its
// answer are JSON, and so is a refusal (409).

// readCommand reads a command's request of at most limit bytes: false if it cannot be
// read, which the command has been told then.
func readCommand(w http.ResponseWriter, r *http.Request, limit int64, request any) bool {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit)).Decode(request)
	if err != nil {
		http.Error(w, "the request cannot be read: "+err.Error(), http.StatusBadRequest)
	}
	return err == nil
}

// answerCommand answers a command with what was asked for: http.StatusOK, or with a
// refusal: http.StatusConflict.
func answerCommand(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // a command that has left needs no answer
}

// askServer has the server of the data folder answer a request, in at most limit bytes:
// control.ErrNoServer. It returns whether that was refused, which is in refusal then.
// cannot says what a server cannot do that does not know the path.
func askServer(ctx context.Context, data, path string, limit int64, request, answer, refusal any,
	cannot string) (refused bool, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return false, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://server"+path, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	response, err := control.Client(data).Do(r)
	if e, ok := errors.AsType[*url.Error](err); ok {
		return false, e.Err // the URL is no help
	}
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, limit))
	if err != nil {
		return false, fmt.Errorf("read the server's answer: %w", err)
	}
	switch response.StatusCode {
	case http.StatusOK:
		return false, json.Unmarshal(text, answer)
	case http.StatusNotFound:
		return false, fmt.Errorf("the server is of an earlier version, which %s: restart it", cannot)
	}
	if json.Unmarshal(text, refusal) == nil {
		return true, nil
	}
	return false, errors.New(strings.TrimSpace(string(text)))
}

// domain is that of a deployment, opened by a command: beside servers, or where none runs.
type domain struct {
	metadata    metadata.Store
	blobs       blob.Store // only together with facts in the data folder
	registry    *registry.Service
	replication *replication.Service
	log         *slog.Logger
}

// openDomain opens the domain of the deployment that is configured, with its peers. It must be closed.
func openDomain(ctx context.Context, cfg config.Config) (_ *domain, err error) {
	// What there is to say of the deployment is for its servers' logs.
	d := &domain{log: slog.New(slog.DiscardHandler)}
	if cfg.Database == "" {
		d.metadata, d.blobs, err = stores.Open(ctx, cfg)
	} else {
		d.metadata, err = stores.OpenMetadata(ctx, cfg)
	}
	if err != nil {
		return nil, err
	}
	d.registry, d.replication, err = replication.Open(ctx, domainConfig(cfg, d.metadata, d.blobs, d.log))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the registries: %w", err), d.close())
	}
	peers, err := openPeers(ctx, cfg, d.metadata, d.log)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	d.replication.UsePeers(peers)
	return d, nil
}

func (d *domain) close() error {
	err := d.metadata.Close()
	if d.blobs != nil {
		err = errors.Join(err, d.blobs.Close())
	}
	return err
}
