//go:build !race

package test

import "os"

// raceEnabled: the server is built with the race detector when the tests are, or
// when RACE says so. The tests alone, which hash and compare what they push and
// pull, need a multiple of the time with it.
var raceEnabled = os.Getenv("RACE") != ""
