package awsapi

import "time"

// HurryStreams shortens how long streams wait.
func (h *Handler) HurryStreams(beat, write time.Duration) { h.streamBeat, h.streamWrite = beat, write }
