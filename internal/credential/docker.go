package credential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The most bytes that a client may send: a registry's URL, or a login.
const (
	maxURL   = 4 << 10
	maxLogin = 64 << 10
)

// dockerLogin is a login as Docker's clients write it.
type dockerLogin struct{ ServerURL, Username, Secret string }

var (
	errNoURL  = errors.New("no credentials server URL")
	errNoUser = errors.New("no credentials username")
)

// Docker does an action of the protocol by which Docker's clients ask their
// credential helpers: get, store, erase, list or version. An error's text is for
// the standard output, where they read it.
func Docker(ctx context.Context, action, version string, in io.Reader, out io.Writer) error {
	switch action {
	case "get":
		return dockerGet(ctx, in, out)
	case "store":
		return dockerStore(ctx, in)
	case "erase":
		return dockerErase(ctx, in)
	case "list":
		_, err := fmt.Fprintln(out, "{}") // nothing is stored
		return err
	case "version":
		_, err := fmt.Fprintf(out, "docker-credential-twinport (github.com/twinport/twinport) %s\n", version)
		return err
	}
	return fmt.Errorf("there is no action %q: use get, store, erase, list or version", action)
}

func dockerGet(ctx context.Context, in io.Reader, out io.Writer) error {
	url, at, err := readURL(in)
	if err != nil {
		return err
	}
	l, err := logIn(ctx, at)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(dockerLogin{url, l.Username, l.Password})
}

// dockerStore takes only what it would answer itself: docker login stores what it got.
func dockerStore(ctx context.Context, in io.Reader) error {
	text, err := read(in, maxLogin)
	if err != nil {
		return err
	}
	var given dockerLogin
	switch err := json.Unmarshal(text, &given); {
	case err != nil:
		return errors.New("the login to store is no JSON object of ServerURL, Username and Secret")
	case given.ServerURL == "":
		return errNoURL
	case given.Username == "":
		return errNoUser
	}
	if at, ok := parsePlace(given.ServerURL); ok {
		if l, err := logIn(ctx, at); err == nil && l.Username == given.Username && l.Password == given.Secret {
			return nil
		}
	}
	return fmt.Errorf("nothing was stored, and nothing need be: twinport makes logins from your AWS access key when "+
		"they are needed. To store other logins, name another helper, or \"\", in credHelpers of Docker's config.json "+
		"for %s", given.ServerURL)
}

// dockerErase forgets what is cached. It says that this is no logout.
func dockerErase(ctx context.Context, in io.Reader) error {
	_, at, err := readURL(in)
	if err != nil {
		return err
	}
	a, err := accessTo(ctx, at)
	if err != nil {
		return err
	}
	forget(a.key.Endpoint)
	return fmt.Errorf("no login is stored for %s, but twinport makes one from your AWS access key whenever it is needed: "+
		"to end that, take away the key, or the helper in Docker's config.json", at.host)
}

func readURL(in io.Reader) (url string, at place, err error) {
	text, err := read(in, maxURL)
	if err != nil {
		return "", place{}, err
	}
	if url = strings.TrimSpace(string(text)); url == "" {
		return "", place{}, errNoURL
	}
	at, ok := parsePlace(url)
	if !ok {
		return "", place{}, errNotFound
	}
	return url, at, nil
}
