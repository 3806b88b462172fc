package metadata

import (
	"encoding/json"
	"time"
)

// Queries are the reads, and in a Tx also the writes, of the store. Each
// method is one statement.
type Queries struct{ conn *statements }

// The store's times are microseconds since 1970.

func toTime(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

func fromTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// list encodes strings for json_each, so that one prepared statement serves
// lists of any length.
func list(items []string) string {
	if len(items) == 0 {
		return "[]"
	}
	b, err := json.Marshal(items)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(b)
}
