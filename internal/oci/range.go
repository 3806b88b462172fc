package oci

import (
	"fmt"
	"strconv"
	"strings"
)

// byteRange is a part of a blob; it is never empty.
type byteRange struct{ start, length int64 }

// contentRange is the Content-Range header of the part of size bytes.
func (p byteRange) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", p.start, p.start+p.length-1, size)
}

// parseRange reads a Range header (RFC 9110, 14.2) for a blob of size bytes.
// It returns nil where the header is to be ignored: another unit, no range at
// all, or several ranges, which a server need not serve. A range that is
// outside the blob, or ends before it starts, is errRange.
func parseRange(header string, size int64) (*byteRange, error) {
	unit, spec, ok := strings.Cut(header, "=")
	if !ok || !strings.EqualFold(unit, "bytes") || strings.Contains(spec, ",") {
		return nil, nil
	}
	first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok {
		return nil, nil
	}
	if first == "" {
		n, ok := parsePosition(last)
		if !ok {
			return nil, nil
		}
		if n = min(n, size); n == 0 {
			return nil, errRange
		}
		return &byteRange{size - n, n}, nil
	}
	start, ok := parsePosition(first)
	if !ok {
		return nil, nil
	}
	end := size - 1
	if last != "" {
		asked, ok := parsePosition(last)
		if !ok {
			return nil, nil
		}
		end = min(end, asked)
	}
	if start > end {
		return nil, errRange
	}
	return &byteRange{start, end - start + 1}, nil
}

// parseContentRange reads the Content-Range header of an upload's chunk, which
// is <first>-<last> without unit and size (distribution-spec, Pushing a blob in
// chunks).
func parseContentRange(header string) (start, length int64, err error) {
	first, last, ok := strings.Cut(header, "-")
	if !ok {
		return 0, 0, errContentRange
	}
	start, ok = parsePosition(first)
	if !ok {
		return 0, 0, errContentRange
	}
	end, ok := parsePosition(last)
	if !ok || end < start || end-start+1 <= 0 {
		return 0, 0, errContentRange
	}
	return start, end - start + 1, nil
}

// parsePosition reads digits only: no sign, no space, nothing that overflows.
func parsePosition(s string) (int64, bool) {
	if !isDigits(s) {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
