package gateway

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what TURN servers check; HMAC does not need a hash without collisions
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem.watch/tandem/protocol"
)

// Bounds of what members are told of servers for WebRTC: it is part of every
// welcome.
const (
	maxICEURLs = 8 // of STUN, and of TURN; browsers use a few only
	maxICEURL  = 255
	// turnLife is how long TURN credentials hold: the day that
	// draft-uberti-behave-turn-rest, section 2.2, recommends.
	turnLife = 24 * time.Hour
)

// iceServers returns the servers that a member's WebRTC connections may use.
// Nobody else is told: who has credentials can use the operator's bandwidth.
func (c *Config) iceServers(member string, now time.Time) []protocol.ICEServer {
	var list []protocol.ICEServer
	if len(c.STUNURLs) > 0 {
		list = append(list, protocol.ICEServer{URLs: c.STUNURLs})
	}
	if len(c.TURNURLs) > 0 {
		username, credential := turnCredentials(c.TURNSecret, member, now.Add(turnLife))
		list = append(list, protocol.ICEServer{URLs: c.TURNURLs, Username: username, Credential: credential})
	}
	return list
}

// turnCredentials are ephemeral ones, as in draft-uberti-behave-turn-rest-00,
// section 2.2: the server, which has the secret too, checks them without asking.
func turnCredentials(secret, member string, until time.Time) (username, credential string) {
	username = strconv.FormatInt(until.Unix(), 10) + ":" + member
	h := hmac.New(sha1.New, []byte(secret))
	_, _ = h.Write([]byte(username))
	return username, base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// checkICE checks what no option can check by itself.
func (c *Config) checkICE() error {
	switch {
	case len(c.TURNURLs) > 0 && c.TURNSecret == "":
		return errors.New("turn-urls needs turn-secret: the static-auth-secret of the TURN server, whose use-auth-secret must be on")
	case len(c.TURNURLs) == 0 && c.TURNSecret != "":
		return errors.New("turn-secret needs turn-urls: the TURN servers whose secret it is, such as turn:turn.example:3478")
	default:
		return nil
	}
}

// iceURLs is an option with addresses of STUN servers (RFC 7064) or TURN
// servers (RFC 7065).
func iceURLs(name, help, scheme string, field func(*Config) *[]string) option {
	return option{
		Name: name, Help: help, List: true,
		set: func(c *Config, v string) error {
			list := splitList(v)
			if len(list) > maxICEURLs {
				return fmt.Errorf("names %d servers; browsers use a few, and %d are the most", len(list), maxICEURLs)
			}
			for _, address := range list {
				if !isICEURL(address, scheme) {
					example := scheme + ":" + scheme + ".example:3478"
					if scheme == "turn" {
						example += ", turn:turn.example:3478?transport=tcp or turns:turn.example:5349"
					}
					return fmt.Errorf("%q must be an address such as %s", address, example)
				}
			}
			*field(c) = list
			return nil
		},
		get: func(c *Config) string { return strings.Join(*field(c), ",") },
	}
}

// hostName is a name of the DNS, roughly: browsers resolve it.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$`)

// isICEURL checks scheme:host, scheme:host:port, and for TURN an optional
// ?transport=udp or tcp; the scheme may have an s for TLS.
func isICEURL(address, scheme string) bool {
	if len(address) > maxICEURL {
		return false
	}
	got, rest, _ := strings.Cut(address, ":")
	if got != scheme && got != scheme+"s" {
		return false
	}
	rest, query, asks := strings.Cut(rest, "?")
	if asks && (scheme != "turn" || !slices.Contains([]string{"transport=udp", "transport=tcp"}, query)) {
		return false
	}
	host, port := rest, "1"
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.HasSuffix(rest, "]") {
		var err error
		if host, port, err = net.SplitHostPort(rest); err != nil {
			return false
		}
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return false
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return err == nil && a.Is6() && a.Zone() == "" && strings.HasSuffix(inner, "]")
	}
	return hostName.MatchString(host)
}
