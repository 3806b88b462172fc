package s3store

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Location is where blobs are kept, and how clients get at them.
type Location struct {
	bucket    string
	prefix    string // of all keys, "" or ending with a slash
	endpoint  string // "" for that of Amazon S3 in the Region
	region    string // "" for what the environment says
	pathStyle bool
	sse       string // "", "AES256" or "aws:kms"
	kmsKey    string

	redirect         bool
	redirectEndpoint string // "" for endpoint
	redirectLifetime time.Duration
}

// String is the location as s3://bucket/prefix, for logs.
func (l *Location) String() string {
	return strings.TrimSuffix("s3://"+l.bucket+"/"+l.prefix, "/")
}

// parameters are those of the URL, in the order in which errors name them.
var parameters = []string{
	"endpoint", "region", "path_style", "sse", "kms_key", "redirect", "redirect_endpoint", "redirect_lifetime",
}

const (
	defaultLifetime = 20 * time.Minute
	minLifetime     = time.Minute
	maxLifetime     = 7 * 24 * time.Hour // Signature Version 4 allows no more
)

var (
	bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	prefixPattern = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`)
	regionPattern = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
)

// Parse reads a URL like
//
//	s3://bucket/prefix?endpoint=http://host:port&region=eu-central-1&path_style=true
//
// Its errors do not repeat it, for somebody may have put a secret there.
func Parse(raw string) (*Location, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("it is no URL: it should look like s3://bucket/prefix?region=eu-central-1")
	}
	if u.Scheme != "s3" || u.Opaque != "" {
		return nil, errors.New("it should look like s3://bucket/prefix?region=eu-central-1")
	}
	if u.User != nil {
		return nil, errors.New("it must not hold credentials: put them into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, " +
			"a file or an instance role")
	}
	if u.Fragment != "" {
		return nil, errors.New(`"#" has no meaning in it`)
	}
	if !bucketPattern.MatchString(u.Host) {
		return nil, fmt.Errorf("%q is no name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens", u.Host)
	}
	l := &Location{bucket: u.Host, redirect: true, redirectLifetime: defaultLifetime}
	if p := strings.Trim(u.Path, "/"); p != "" {
		if len(p) > 512 || !prefixPattern.MatchString(p) {
			return nil, fmt.Errorf("%.64q is no prefix: at most 512 letters, digits and ._-, with single slashes between", p)
		}
		l.prefix = p + "/"
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("its parameters cannot be read: write them as name=value with & between, and %26 for & " +
			"within a value")
	}
	for name, values := range query {
		if !slices.Contains(parameters, name) {
			return nil, fmt.Errorf("there is no parameter %q: there are %s", name, strings.Join(parameters, ", "))
		}
		if len(values) > 1 {
			return nil, fmt.Errorf("the parameter %q is given twice", name)
		}
		if values[0] == "" {
			return nil, fmt.Errorf("the parameter %q has no value", name)
		}
	}
	return l, l.set(query)
}

func (l *Location) set(query url.Values) (err error) {
	if l.endpoint, err = endpoint(query, "endpoint"); err != nil {
		return err
	}
	l.region = query.Get("region")
	if l.region != "" && !regionPattern.MatchString(l.region) {
		return fmt.Errorf("region=%s is no name of a Region, such as eu-central-1", l.region)
	}
	if l.pathStyle, err = boolean(query, "path_style", false); err != nil {
		return err
	}
	switch l.sse = query.Get("sse"); l.sse {
	case "", "AES256", "aws:kms":
	default:
		return fmt.Errorf("sse=%s is not known: AES256 or aws:kms", l.sse)
	}
	l.kmsKey = query.Get("kms_key")
	if l.kmsKey != "" && l.sse != "aws:kms" {
		return errors.New("kms_key needs sse=aws:kms")
	}
	if l.redirect, err = boolean(query, "redirect", true); err != nil {
		return err
	}
	for _, name := range []string{"redirect_endpoint", "redirect_lifetime"} {
		if query.Has(name) && !l.redirect {
			return fmt.Errorf("%s has no meaning with redirect=false", name)
		}
	}
	if l.redirectEndpoint, err = endpoint(query, "redirect_endpoint"); err != nil {
		return err
	}
	if text := query.Get("redirect_lifetime"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d < minLifetime || d > maxLifetime || d%time.Second != 0 {
			return fmt.Errorf("redirect_lifetime=%s: it must be between 1m and 168h, in whole seconds, such as 20m", text)
		}
		l.redirectLifetime = d
	}
	return nil
}

func boolean(query url.Values, name string, otherwise bool) (bool, error) {
	switch v := query.Get(name); v {
	case "":
		return otherwise, nil
	case "true", "false":
		return v == "true", nil
	default:
		return false, fmt.Errorf("%s=%s: it must be true or false", name, v)
	}
}

func endpoint(query url.Values, name string) (string, error) {
	text := query.Get(name)
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%s must look like http://host:port or https://host", name)
	}
	return u.Scheme + "://" + u.Host, nil
}
