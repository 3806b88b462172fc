package oci

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/twinport/twinport/internal/access"
	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/policy"
	"github.com/twinport/twinport/internal/registry"
	"github.com/twinport/twinport/internal/resource"
)

type granter func(auth.Identity) (access.Grants, error)

func (g granter) Grants(_ context.Context, identity auth.Identity) (access.Grants, error) {
	return g(identity)
}

// The registry is asked with what the caller was granted, and not at all for one of whom nobody knows.
func TestGrants(t *testing.T) {
	var fails error
	asked := 0
	h := New(Config{
		Registry: fakeRegistry{
			manifest: func(c access.Caller, _ resource.Repository, _ registry.Reference) (registry.Manifest, error) {
				asked++
				if len(c.Policies) != 1 || c.Policies[0].Name != "reader" {
					t.Errorf("the caller was granted %v", c.Policies)
				}
				return registry.Manifest{}, nil
			},
		},
		Verifier: auth.NewVerifier(testKeys{prodKey.ID: prodKey}, "deployment", func() time.Time { return now }),
		Grants: granter(func(identity auth.Identity) (access.Grants, error) {
			if identity.Principal != prodKey.Principal {
				t.Errorf("asked for %+v", identity)
			}
			return access.Grants{Policies: []policy.Policy{{Name: "reader"}}}, fails
		}),
		Domain: testDomain, Scheme: "http", Logger: slog.New(slog.DiscardHandler),
	})
	for _, c := range []struct {
		err    error
		status int
	}{{nil, http.StatusOK}, {errors.New("the store is gone"), http.StatusInternalServerError}} {
		fails = c.err
		r := httptest.NewRequest(http.MethodGet, "http://"+prodHost+"/v2/app/manifests/latest", nil)
		r.SetBasicAuth("AWS", token(prodKey, auth.Token{}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || asked != 1 {
			t.Errorf("grants fail with %v: %d, the registry was asked %d times", c.err, w.Code, asked)
		}
	}
}
