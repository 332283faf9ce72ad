package e2e

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"tandem.watch/tandem/internal/testclient"
	"tandem.watch/tandem/protocol"
)

// TestNode has a program in Node.js use the SDK, as docs/sdk.md says how: it
// enters a room, says something, and leaves.
func TestNode(t *testing.T) {
	gateway := start(t).URL()
	room := createRoom(t, gateway, "Ann")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ann, err := testclient.DialWebSocket(ctx, socketURL(gateway), testclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ann.Close()
	if _, err := ann.Join(ctx, protocol.Hello{Room: room.ID, Name: "Ann", Resume: &protocol.Resume{Seat: room.Seat}}); err != nil {
		t.Fatal(err)
	}

	node := exec.CommandContext(ctx, "node", "--input-type=module", "-", gateway, room.ID)
	node.Dir = "../../client"
	node.Stdin = strings.NewReader(`
		import { joinRoom } from "./dist/sdk/tandem.js";
		import { WebSocket } from "ws";
		const [, , server, id] = process.argv;
		const environment = { openWebSocket: (url, subprotocol) => new WebSocket(url, subprotocol) };
		const room = await joinRoom({ server, room: id, name: "Bot", environment });
		const number = await room.say("Hello from Node.js");
		console.log(room.state.members.length, room.state.chat.at(-1).number === number, room.connection.why);
		await room.leave();
	`)
	output, err := node.CombinedOutput()
	if err != nil || string(output) != "2 true WebSocket: this browser has no WebTransport\n" {
		t.Errorf("Node.js: %v, %s", err, output)
	}
	heard, err := testclient.Await(ctx, ann, func(e *protocol.Events) bool {
		return len(e.Events) > 0 && e.Events[0].Chat != nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if text := heard.Events[0].Chat.Text; text != "Hello from Node.js" {
		t.Errorf("Ann heard %q", text)
	}
}
