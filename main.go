// Command tandem is a gateway for watching together.
package main

import (
	"os"

	"tandem.watch/tandem/gateway"
)

func main() { os.Exit(gateway.Run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr)) }
