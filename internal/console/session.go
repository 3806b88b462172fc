package console

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/auth"
	"github.com/twinport/twinport/internal/session"
)

const (
	// maxSignIn bounds the body of a sign-in, in bytes; maxKeyID and maxSecret
	// what is in it.
	maxSignIn = 4 << 10
	maxKeyID  = 128
	maxSecret = 1024
)

// sessions answers the requests about a browser's sessions.
type sessions struct {
	service  *session.Service
	accounts *auth.Directory
	regions  []string
	version  string
	log      *slog.Logger
}

// sessionOf is a session as the browser gets it. Times are seconds since 1970.
type sessionOf struct {
	AccountID   string  `json:"accountId"`
	AccountName string  `json:"accountName"`
	AccessKeyID string  `json:"accessKeyId"`
	ExpiresAt   float64 `json:"expiresAt"`
}

func (s *sessions) describe(one session.Session) sessionOf {
	account, _ := s.accounts.Account(one.Account) // it has the session's access key
	return sessionOf{one.Account, account.Name, one.AccessKey, float64(one.ExpiresAt.UnixMilli()) / 1000}
}

// serve answers requests for all sessions of the browser.
func (s *sessions) serve(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		s.list(w, r)
	case http.MethodPost:
		s.signIn(w, r)
	default:
		w.Header().Set("Allow", "GET, POST")
		fail(w, http.StatusMethodNotAllowed, "UnknownOperationException", "Sessions are read with GET and begun with POST")
	}
}

// serveOne answers requests for the browser's session with an account.
func (s *sessions) serveOne(w http.ResponseWriter, r *http.Request, account string) {
	if r.Method != http.MethodDelete {
		w.Header().Set("Allow", "DELETE")
		fail(w, http.StatusMethodNotAllowed, "UnknownOperationException", "A session is ended with DELETE")
		return
	}
	if !s.fromHere(w, r) {
		return
	}
	if _, known := s.accounts.Account(account); !known {
		w.WriteHeader(http.StatusNoContent) // nobody is signed in to it
		return
	}
	found, _, err := s.service.OfRequest(r, account)
	if err == nil {
		_, err = s.service.Revoke(r.Context(), account, []string{found.ID})
	}
	if err != nil && !errors.Is(err, session.ErrEnded) {
		s.failInside(w, r, "end a session", err)
		return
	}
	http.SetCookie(w, session.NoCookie(account, secure(r)))
	w.WriteHeader(http.StatusNoContent)
}

func (s *sessions) list(w http.ResponseWriter, r *http.Request) {
	all, err := s.service.AllOfRequest(r)
	if err != nil {
		s.failInside(w, r, "read the sessions", err)
		return
	}
	out := struct {
		Sessions []sessionOf `json:"sessions"`
		Regions  []string    `json:"regions"`
		Version  string      `json:"version"`
	}{[]sessionOf{}, s.regions, s.version}
	for _, one := range all {
		out.Sessions = append(out.Sessions, s.describe(one))
	}
	answer(w, http.StatusOK, out)
}

func (s *sessions) signIn(w http.ResponseWriter, r *http.Request) {
	if !s.fromHere(w, r) {
		return
	}
	// A form of another site cannot have this type, should all else fail.
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil ||
		mediaType != "application/json" {
		fail(w, http.StatusUnsupportedMediaType, "SerializationException", "The Content-Type of a sign-in must be "+
			"application/json")
		return
	}
	var key struct {
		AccessKeyID     string `json:"accessKeyId"`
		SecretAccessKey string `json:"secretAccessKey"`
	}
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSignIn))
	body.DisallowUnknownFields()
	err := body.Decode(&key)
	if err == nil {
		if _, more := body.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("text follows it")
		}
	}
	if err != nil {
		// Not err itself: it may repeat a part of the secret.
		fail(w, http.StatusBadRequest, "SerializationException", "A sign-in is a JSON object with accessKeyId and "+
			"secretAccessKey, of at most "+strconv.Itoa(maxSignIn)+" bytes")
		return
	}
	key.AccessKeyID, key.SecretAccessKey = strings.TrimSpace(key.AccessKeyID), strings.TrimSpace(key.SecretAccessKey)
	switch {
	case key.AccessKeyID == "" || len(key.AccessKeyID) > maxKeyID:
		fail(w, http.StatusBadRequest, "InvalidParameterException", "The accessKeyId must have 1 to "+strconv.Itoa(maxKeyID)+
			" characters")
		return
	case key.SecretAccessKey == "" || len(key.SecretAccessKey) > maxSecret:
		fail(w, http.StatusBadRequest, "InvalidParameterException", "The secretAccessKey must have 1 to "+
			strconv.Itoa(maxSecret)+" characters")
		return
	}
	_, err = s.accounts.AccessKey(r.Context(), key.AccessKeyID)
	if errors.Is(err, auth.ErrNoKey) && auth.IsTemporaryID(key.AccessKeyID) {
		fail(w, http.StatusUnauthorized, "UnrecognizedClientException", "The console takes no temporary credentials: "+
			"sign in with the access key that they were issued for")
		return
	}
	begun, token, err := s.service.SignIn(r.Context(), key.AccessKeyID, key.SecretAccessKey, session.Client{
		RemoteAddr: r.RemoteAddr, UserAgent: r.UserAgent(),
	})
	switch {
	case errors.Is(err, session.ErrWrongKey):
		// The id is logged only if it is one: people paste secrets into the wrong field.
		known, _ := s.accounts.AccessKey(r.Context(), key.AccessKeyID)
		s.log.WarnContext(r.Context(), "a sign-in to the console was refused: the access key is not valid",
			"access_key", known.ID, "client", r.RemoteAddr)
		fail(w, http.StatusUnauthorized, "UnrecognizedClientException", "The access key ID or the secret access "+
			"key is not valid")
		return
	case errors.Is(err, session.ErrTooManyTries):
		w.Header().Set("Retry-After", "60")
		fail(w, http.StatusTooManyRequests, "ThrottlingException", "There were too many sign-ins with a wrong access key: "+
			"wait a minute and try again")
		return
	case err != nil:
		s.failInside(w, r, "sign in", err)
		return
	}
	s.log.InfoContext(r.Context(), "signed in to the console", "account", begun.Account, "access_key", begun.AccessKey,
		"client", r.RemoteAddr)
	http.SetCookie(w, session.Cookie(begun.Account, token, begun.ExpiresAt, secure(r)))
	answer(w, http.StatusCreated, s.describe(begun))
}

// fromHere refuses a request that a page of another site has made.
func (s *sessions) fromHere(w http.ResponseWriter, r *http.Request) bool {
	problem := session.CrossSite(r)
	if problem != "" {
		fail(w, http.StatusForbidden, "AccessDeniedException", problem)
	}
	return problem == ""
}

// secure says whether the browser reaches this server by HTTPS: by the
// connection or, where a proxy ends TLS and is not trusted, by what the browser
// says.
func secure(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(r.Header.Get("Origin"), "https://")
}

// failInside answers a failure of the server. Its text goes to the log only.
func (s *sessions) failInside(w http.ResponseWriter, r *http.Request, what string, err error) {
	if r.Context().Err() != nil {
		return // nobody waits for the answer
	}
	s.log.ErrorContext(r.Context(), "a request of the console failed", "tried", what, "error", err)
	switch {
	case errors.Is(err, session.ErrFull):
		fail(w, http.StatusInternalServerError, "ServerException", "The registry's disk is full: ask the operator to make "+
			"room, and try again")
	case errors.Is(err, session.ErrUnavailable):
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusServiceUnavailable, "ServerException", "The registry's database does not answer at the "+
			"moment: try again")
	default:
		fail(w, http.StatusInternalServerError, "ServerException", "An internal error occurred: see the server's log of "+
			time.Now().UTC().Format(time.RFC3339))
	}
}

// fail answers in the form of the AWS JSON protocol, which the console reads anyway.
func fail(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{code, message})
}

func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		// The values are plain structs; only a bug gets here.
		status, body = http.StatusInternalServerError, []byte(`{"__type":"ServerException"}`)
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away needs no answer
}
