package registry

// Evaluations counts how often policies have decided on a caller.
func (s *Service) Evaluations() int64 { return s.access.Evaluations() }
