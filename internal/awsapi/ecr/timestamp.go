package ecr

import (
	"strconv"
	"time"
)

// Timestamp is written as AWS JSON 1.1 wants it: seconds since 1970 with the
// milliseconds as a fraction.
type Timestamp struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(t.UnixMilli())/1000, 'f', -1, 64), nil
}
