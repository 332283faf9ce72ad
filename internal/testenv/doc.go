// Package testenv starts the real things that tests need: headless Chromium
// and Firefox, the tandem program itself as a process of its own, and networks
// of their own that drop what a test wants dropped.
//
// What it starts belongs to the test that asked: it is stopped when that test
// ends, and the test does not end before the process has. Nothing is skipped
// when something is missing; the test fails and says what to do.
package testenv
