package ecr

import (
	"strconv"
	"time"
)

// Timestamp is written as AWS JSON 1.1 wants it: seconds since 1970 with the
// milliseconds as a fraction.
type Timestamp struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t Timestamp) MarshalJSON() ([]byte, error) { return t.AppendJSON(nil), nil }

// AppendJSON implements awsjson.Appender.
func (t Timestamp) AppendJSON(b []byte) []byte {
	at := t.UnixMilli()
	if at < 0 || at%1000 == 0 {
		return strconv.AppendFloat(b, float64(at)/1000, 'f', -1, 64)
	}
	b = append(strconv.AppendInt(b, at/1000, 10), '.')
	for n := at % 1000; n > 0; n = n * 10 % 1000 {
		b = append(b, byte('0'+n/100))
	}
	return b
}
