package policy

import (
	"encoding/base64"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// parseNumber reads an integer or decimal. It leaves out what else
// strconv.ParseFloat takes: infinities, which are greater than any limit,
// hexadecimals and underscores.
func parseNumber(s string) (float64, error) {
	bad := errors.New("write a number such as 10 or -2.5")
	if len(s) > 64 || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, bad
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, bad
	}
	return n, nil
}

// dateLayouts are the formats of the W3C's note on date and time, the profile
// of ISO 8601 that IAM names. Go reads a fraction of seconds even if the layout has none.
var dateLayouts = []string{
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04Z07:00",
	"2006-01-02",
	"2006-01",
	"2006",
}

// parseTime reads a date or the seconds since 1970. Four digits are a year.
func parseTime(s string) (time.Time, error) {
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > -1<<40 && n < 1<<40 {
		return time.Unix(n, 0), nil
	}
	return time.Time{}, errors.New("write a date such as 2026-11-23T12:00:00Z or seconds since 1970")
}

func parseBool(s string) (bool, error) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, nil
	case strings.EqualFold(s, "false"):
		return false, nil
	}
	return false, errors.New(`write "true" or "false"`)
}

func parseBinary(s string) (string, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return "", errors.New("write the bytes in base64")
	}
	return string(b), nil
}

// parseNetwork reads a CIDR block or a single address. IPv4 addresses written
// as IPv6 ones become IPv4, as those of requests do.
func parseNetwork(s string) (netip.Prefix, error) {
	bad := errors.New("write an address or a CIDR block such as 203.0.113.0/24 or 2001:db8::/32")
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, bad
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return p, bad
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}
