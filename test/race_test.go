//go:build race

package test

// raceEnabled: see norace_test.go.
var raceEnabled = true
