// Package acmetest tests the certificates of the gateway against a real ACME
// server: Pebble, which runs inside the tests.
package acmetest
