// Package gateway is the edge: it reads the configuration, listens, serves the
// page, the SDK and the HTTP API, and hands sessions to the rooms of core.
//
// [New] wires everything, [Gateway.Start] listens, [Gateway.Shutdown] stops
// without losing anything. [Run] is the program.
package gateway
