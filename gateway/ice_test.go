package gateway

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/protocol"
)

// The credential was made by
// printf %s 1767312042:m_7Q2K9XHF3B | openssl dgst -sha1 -hmac north -binary | base64,
// which is what coturn compares with.
func TestTURNCredentials(t *testing.T) {
	username, credential := turnCredentials("north", "m_7Q2K9XHF3B", time.Unix(1767312042, 999))
	if username != "1767312042:m_7Q2K9XHF3B" || credential != "EkXNRvRqD/6rYKWPjAmgFscwQt0=" {
		t.Errorf("the credentials are %s and %s", username, credential)
	}
}

// Members are told the servers, each with credentials of its own, new ones with
// each welcome; nobody else is.
func TestICEServers(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		made := w.create(`{"name":"Ann"}`)
		ann := w.enter(made, "Ann")
		want := func(c *peer) []protocol.ICEServer {
			username, credential := turnCredentials("a secret of TURN", c.member, time.Now().Add(24*time.Hour))
			return []protocol.ICEServer{
				{URLs: []string{"stun:stun.example", "stun:[2001:db8::1]:3478"}},
				{URLs: []string{"turn:turn.example:3478?transport=udp", "turns:turn.example:5349"}, Username: username, Credential: credential},
			}
		}
		if diff := cmp.Diff(want(ann), ann.welcome.ICEServers); diff != "" {
			t.Errorf("Ann's servers (-want +got):\n%s", diff)
		}
		ben := w.join(ann.room, "Ben", office)
		if ben.welcome.ICEServers[1].Credential == ann.welcome.ICEServers[1].Credential {
			t.Error("two members have the same credentials")
		}
		ben.drop()
		time.Sleep(10 * time.Second)
		ben = ben.resume()
		if diff := cmp.Diff(want(ben), ben.welcome.ICEServers); diff != "" {
			t.Errorf("Ben's servers after his return (-want +got):\n%s", diff)
		}
		for _, path := range []string{"/v1/endpoints", "/v1/rooms/" + ann.room, "/r/" + ann.room, "/health"} {
			if body := string(w.get(path).Body); strings.Contains(body, "turn") || strings.Contains(body, "stun") {
				t.Errorf("%s tells of the servers: %s", path, body)
			}
		}
	}, "--stun-urls", "stun:stun.example,stun:[2001:db8::1]:3478", "--turn-urls", "turn:turn.example:3478?transport=udp",
		"--turn-urls", "turns:turn.example:5349", "--turn-secret", "a secret of TURN")
	virtual(t, func(t *testing.T, w *world) {
		if got := w.host("Ann").welcome.ICEServers; got != nil {
			t.Errorf("by default there are the servers %v", got)
		}
	})
}

func TestICEURL(t *testing.T) {
	for _, good := range []string{
		"turn:turn.example", "turn:turn.example:3478", "turns:turn.example:443?transport=tcp", "turn:192.0.2.1:3478?transport=udp",
		"turn:[2001:db8::1]", "turn:[2001:db8::1]:3478", "turn:localhost:1", "turn:my_host.example:65535",
	} {
		if !isICEURL(good, "turn") {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{
		"", "turn", "turn:", "turn::3478", "turn:host:", "turn:host:0", "turn:host:65536", "turn:host:x", "turn:host:1:2", "turn://host:3478", "stun:host", "http://host",
		"TURN:host", "turn:ho st", "turn:host/path", "turn:user@host", "turn:host?transport=sctp", "turn:host?", "turn:host?transport=udp&x", "turn:2001:db8::1",
		"turn:[2001:db8::1", "turn:2001:db8::1]", "turn:[host]", "turn:[192.0.2.1]", "turn:[fe80::1%eth0]", "turn:-host", "turn:host.", "turn:" + strings.Repeat("x", 255),
	} {
		if isICEURL(bad, "turn") {
			t.Errorf("%q is accepted", bad)
		}
	}
	if isICEURL("stun:host?transport=udp", "stun") {
		t.Error("STUN has no transport to choose")
	}
}

// The secret is nowhere to be read: not in the configuration that is shown, nor
// in the log.
func TestTURNSecretIsKept(t *testing.T) {
	file := write(t, "turn", "a secret of TURN\n")
	c := load(t, []string{"--turn-urls", "turn:turn.example"}, []string{"TANDEM_TURN_SECRET_FILE=" + file})
	if c.TURNSecret != "a secret of TURN" {
		t.Errorf("the secret is %q", c.TURNSecret)
	}
	var out bytes.Buffer
	if err := c.Print(&out); err != nil || strings.Contains(out.String(), "a secret") || !strings.Contains(out.String(), "TANDEM_TURN_SECRET_FILE") {
		t.Errorf("printed, %v:\n%s", err, out.String())
	}
}
