package v1

import (
	"tandem.watch/tandem/core"
	"tandem.watch/tandem/internal/wsframe"
)

// WebSocket encodes core's messages as WebSocket text frames, header included.
type WebSocket struct{ JSON *JSON }

// Slot implements core.Encoding.
func (*WebSocket) Slot() int { return SlotWebSocket }

// Append implements core.Encoding.
func (w *WebSocket) Append(dst []byte, m core.Message) ([]byte, error) {
	payload, err := w.JSON.Append(nil, m)
	if err != nil || len(payload) == 0 {
		return dst, err
	}
	return append(wsframe.AppendText(dst, len(payload)), payload...), nil
}
