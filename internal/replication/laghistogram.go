package replication

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

const (
	// lagBins reach from a microsecond to a week: the first counts lags of up to
	// a microsecond, each next one of up to lagStep times as much.
	lagBins = 150
	lagStep = 1.2
)

// lagHistogram counts how long replications took. The last bin counts all that
// took longer than the others hold.
type lagHistogram [lagBins]uint32

// add counts one.
func (h *lagHistogram) add(lag time.Duration) {
	bin := 0
	if lag > time.Microsecond {
		bin = min(lagBins-1, int(math.Ceil(math.Log(float64(lag)/float64(time.Microsecond))/math.Log(lagStep))))
	}
	h[bin]++
}

// merge adds another's counts.
func (h *lagHistogram) merge(other *lagHistogram) {
	for i, n := range other {
		h[i] += n
	}
}

// quantile is a lag that the given part of all did not exceed, up to a fifth
// too large: zero if nothing was counted.
func (h *lagHistogram) quantile(part float64) time.Duration {
	var all, below uint64
	for _, n := range h {
		all += uint64(n)
	}
	if all == 0 {
		return 0
	}
	rank := uint64(math.Ceil(part * float64(all)))
	for bin, n := range h {
		if below += uint64(n); below >= rank {
			return time.Duration(math.Pow(lagStep, float64(bin)) * float64(time.Microsecond))
		}
	}
	return 0
}

// encode writes the bins that count something: the distance of each from the
// one before it, and its count.
func (h *lagHistogram) encode() []byte {
	b := []byte{}
	last := 0
	for bin, n := range h {
		if n > 0 {
			b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(bin-last)), uint64(n))
			last = bin
		}
	}
	return b
}

var errHistogram = errors.New("a stored histogram cannot be read")

func decodeLags(b []byte) (h lagHistogram, err error) {
	bin := uint64(0)
	for len(b) > 0 {
		distance, n := binary.Uvarint(b)
		if n <= 0 {
			return h, errHistogram
		}
		count, m := binary.Uvarint(b[n:])
		if bin += distance; m <= 0 || distance >= lagBins || bin >= lagBins || count > math.MaxUint32 {
			return h, errHistogram
		}
		h[bin] = uint32(count)
		b = b[n+m:]
	}
	return h, nil
}
