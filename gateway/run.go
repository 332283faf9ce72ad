package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

const usage = `tandem keeps a room of people in the same moment of a video.

Usage: tandem [serve] [flags]   run a gateway
       tandem room …            history: list, events, export, import, forget
       tandem migrate-legacy <postgres-url of the old server> [flags]
                                take the old server's rooms into the archive
       tandem config [flags]    print the configuration in force, and from where
       tandem version           print the version
       tandem help              print this

Each flag is also a variable of the environment and a key of the YAML file that
--config (TANDEM_CONFIG) names. Flags come before the environment, that before
the file.

Flags:
`

// Run is the program: it runs one command and returns the exit code.
func Run(args, environ []string, stdout, stderr io.Writer) int {
	command := "serve"
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		command, args = args[0], args[1:]
	} else if len(args) > 0 && (args[0] == "-h" || args[0] == "--help" || args[0] == "-help") {
		command = "help"
	}
	var err error
	switch command {
	case "serve":
		err = serve(args, environ, stdout, stderr)
	case "config":
		var c *Config
		if c, err = LoadConfig(args, environ); err == nil {
			err = c.Print(stdout)
		}
	case "room":
		err = roomCommand(args, environ, os.Stdin, stdout, stderr)
	case "migrate-legacy":
		err = migrateLegacy(args, environ, stdout, stderr)
	case "version":
		_, err = fmt.Fprintln(stdout, "tandem", Version())
	case "help":
		if _, err = io.WriteString(stdout, usage); err == nil {
			err = PrintOptions(stdout)
		}
	default:
		_, _ = fmt.Fprintf(stderr, "tandem: there is no command %q; tandem help lists them\n", command)
		return 2
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "tandem:", err)
		return 1
	}
	return 0
}

func serve(args, environ []string, stdout, stderr io.Writer) error {
	config, err := LoadConfig(args, environ)
	if err != nil {
		return err
	}
	logger := slog.New(config.handler(stderr))
	for _, warning := range config.Warnings {
		logger.Warn("configuration", "warning", warning)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	g, err := New(ctx, config, logger)
	if err != nil {
		return err
	}
	if err := g.Start(ctx); err != nil {
		return errors.Join(err, closeStores(ctx, g.log, g.archive))
	}
	if _, err := fmt.Fprintf(stdout, "Open %s\n", g.pageURL()); err != nil {
		return err
	}
	var failed error
	select {
	case <-ctx.Done():
		stop() // a second signal ends the process at once
		logger.Info("stopping")
	case failed = <-g.Failed():
	}
	down, cancel := context.WithTimeout(context.Background(), config.DrainTimeout)
	defer cancel()
	if err := g.Shutdown(down); failed == nil {
		return err
	}
	return failed
}

// pageURL is the address to open in a browser on this machine, or the public one.
func (g *Gateway) pageURL() string {
	if g.config.PublicURL != nil {
		return g.config.PublicURL.String()
	}
	host, port, err := net.SplitHostPort(g.Addr().String())
	if err != nil {
		return "http://" + g.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

// Version is the module's version, or the commit that the program was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return info.Main.Version
}
