//go:build race

package testenv

// raceEnabled says whether the tests run under the race detector; the program
// is then built with it as well.
const raceEnabled = true
