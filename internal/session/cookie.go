package session

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/twinport/twinport/internal/auth"
)

const (
	// cookiePrefix and the account are a cookie's name: a browser may be signed
	// in to several accounts.
	cookiePrefix = "twinport-"
	// maxCookies bounds how many cookies of a request are looked at.
	maxCookies = 64
)

// Cookie hands a session to the browser. No script can read it, and no other
// site's page makes the browser send it.
func Cookie(account, token string, expires time.Time, secure bool) *http.Cookie {
	return &http.Cookie{
		Name: cookiePrefix + account, Value: token, Path: "/", Expires: expires,
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode,
	}
}

// NoCookie makes the browser forget the account's session.
func NoCookie(account string, secure bool) *http.Cookie {
	c := Cookie(account, "", time.Time{}, secure)
	c.MaxAge = -1
	return c
}

// OfRequest returns the session that a request has for the account, and who it speaks
// for, in no Region: ErrEnded.
func (s *Service) OfRequest(r *http.Request, account string) (Session, auth.Identity, error) {
	cookies := r.CookiesNamed(cookiePrefix + account)
	for _, cookie := range cookies[:min(len(cookies), maxCookies)] {
		found, identity, err := s.Verify(r.Context(), cookie.Value)
		if err == nil && found.Account == account {
			return found, identity, nil
		}
		if err != nil && !errors.Is(err, ErrEnded) {
			return found, identity, err
		}
	}
	return Session{}, auth.Identity{}, ErrEnded
}

// AllOfRequest returns the sessions that a request has.
func (s *Service) AllOfRequest(r *http.Request) ([]Session, error) {
	var all []Session
	seen := map[string]bool{}
	for _, cookie := range r.Cookies() {
		account, ok := strings.CutPrefix(cookie.Name, cookiePrefix)
		if !ok || seen[account] {
			continue
		}
		seen[account] = true
		if len(seen) > maxCookies {
			break
		}
		found, _, err := s.OfRequest(r, account)
		if errors.Is(err, ErrEnded) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, found)
	}
	return all, nil
}
