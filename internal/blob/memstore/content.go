package memstore

import (
	"errors"
	"io"
	"sort"
)

// content is bytes in parts, none of them empty, as they came.
type content struct {
	parts [][]byte
	ends  []int64 // of each part in the whole
}

func (c *content) size() int64 {
	if len(c.ends) == 0 {
		return 0
	}
	return c.ends[len(c.ends)-1]
}

// add appends a part, which belongs to the content from now on.
func (c *content) add(part []byte) {
	if len(part) > 0 {
		c.ends = append(c.ends, c.size()+int64(len(part)))
		c.parts = append(c.parts, part)
	}
}

// ReadAt implements io.ReaderAt.
func (c *content) ReadAt(b []byte, offset int64) (n int, err error) {
	if offset < 0 {
		return 0, errors.New("memstore: read before the beginning of the object")
	}
	i := sort.Search(len(c.ends), func(i int) bool { return c.ends[i] > offset })
	for ; i < len(c.parts) && n < len(b); i++ {
		begin := c.ends[i] - int64(len(c.parts[i]))
		n += copy(b[n:], c.parts[i][offset+int64(n)-begin:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
