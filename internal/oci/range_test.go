package oci

import (
	"errors"
	"fmt"
	"testing"
)

func TestParseRange(t *testing.T) {
	const size = 2048
	for _, tt := range []struct {
		header string
		want   *byteRange
		err    error
	}{
		{"bytes=500-1499", &byteRange{500, 1000}, nil},
		{"bytes=500-", &byteRange{500, size - 500}, nil},
		{"bytes=-500", &byteRange{size - 500, 500}, nil},
		{"bytes=-5000", &byteRange{0, size}, nil},
		{"bytes=2000-5000", &byteRange{2000, 48}, nil},
		{"bytes=0-0", &byteRange{0, 1}, nil},
		{"Bytes=2047-2047", &byteRange{2047, 1}, nil},
		{"bytes=500-0", nil, errRange},
		{"bytes=2048-", nil, errRange},
		{"bytes=5000-10000", nil, errRange},
		{"bytes=-0", nil, errRange},
		{"bytes=0-1,5-6", nil, nil},
		{"bytes=", nil, nil},
		{"bytes=-", nil, nil},
		{"bytes=a-b", nil, nil},
		{"bytes=+1-2", nil, nil},
		{"bytes=--1", nil, nil},
		{"bytes=0-99999999999999999999", nil, nil},
		{"items=0-1", nil, nil},
		{"", nil, nil},
	} {
		got, err := parseRange(tt.header, size)
		if !errors.Is(err, tt.err) || (got == nil) != (tt.want == nil) || got != nil && *got != *tt.want {
			t.Errorf("parseRange(%q) = %v, %v; want %v, %v", tt.header, got, err, tt.want, tt.err)
		}
	}
	for _, header := range []string{"bytes=0-", "bytes=0-0", "bytes=-1"} {
		if got, err := parseRange(header, 0); !errors.Is(err, errRange) {
			t.Errorf("parseRange(%q) of an empty blob = %v, %v; want errRange", header, got, err)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	for _, seed := range []string{
		"bytes=0-1", "bytes=-5", "bytes=7-", "bytes=9-3", "bytes=1-2,3-4", "bytes=9223372036854775807-9223372036854775807",
	} {
		f.Add(seed, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		part, err := parseRange(header, size)
		if part != nil && (err != nil || part.start < 0 || part.length < 1 || part.length > size-part.start) {
			t.Errorf("parseRange(%q, %d) = %+v, %v: not inside the blob", header, size, part, err)
		}
	})
}

func TestParseContentRange(t *testing.T) {
	for _, tt := range []struct {
		header        string
		start, length int64
		err           error
	}{
		{"0-0", 0, 1, nil},
		{"10-19", 10, 10, nil},
		{"5-4", 0, 0, errContentRange},
		{"0-9223372036854775807", 0, 0, errContentRange}, // a length that overflows
		{"0-9223372036854775806", 0, 9223372036854775807, nil},
		{"bytes 0-1/2", 0, 0, errContentRange},
		{"0-1/2", 0, 0, errContentRange},
		{"-1-2", 0, 0, errContentRange},
		{"+0-2", 0, 0, errContentRange},
		{"0", 0, 0, errContentRange},
		{"0-", 0, 0, errContentRange},
		{"0-18446744073709551616", 0, 0, errContentRange},
	} {
		start, length, err := parseContentRange(tt.header)
		if start != tt.start || length != tt.length || !errors.Is(err, tt.err) {
			t.Errorf("parseContentRange(%q) = %d, %d, %v; want %d, %d, %v", tt.header, start, length, err, tt.start, tt.length,
				tt.err)
		}
	}
}

func FuzzParseContentRange(f *testing.F) {
	for _, seed := range []string{"0-0", "10-19", "5-4", "a-b", "0-9223372036854775807", "00-01"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		start, length, err := parseContentRange(header)
		if err != nil {
			return
		}
		if start < 0 || length < 1 || start+length-1 < start {
			t.Fatalf("parseContentRange(%q) = %d, %d: not a range", header, start, length)
		}
		again, n, err := parseContentRange(fmt.Sprintf("%d-%d", start, start+length-1))
		if again != start || n != length || err != nil {
			t.Errorf("parseContentRange(%q) does not survive being written: %d, %d, %v", header, again, n, err)
		}
	})
}
