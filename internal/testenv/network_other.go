//go:build !linux

package testenv

import "testing"

// Network is a network that nobody else is in; on Linux only.
type Network struct{}

// OwnNetwork skips the test: only Linux has networks for tests.
func OwnNetwork(t *testing.T) *Network {
	t.Helper()
	t.Skip("a network of its own needs Linux")
	return nil
}

// AddAddress gives the network one more address.
func (*Network) AddAddress(string) {}

// DropUDP drops all UDP.
func (*Network) DropUDP() {}

// PassUDP lets UDP through again.
func (*Network) PassUDP() {}
