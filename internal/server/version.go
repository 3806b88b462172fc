package server

import "runtime/debug"

// Version is the module's, as the go command recorded it: a tag, or a
// pseudo-version with the commit; (devel) where there was no version control.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
