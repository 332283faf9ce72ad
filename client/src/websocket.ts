import type { Environment } from './environment.js';
import { TandemError } from './errors.js';
import { decode, encode, SUBPROTOCOL, type Endpoint } from './protocol/index.js';
import type { Transport, TransportEvents } from './transport.js';

/** Opens a WebSocket: one JSON message per text frame, in one ordered stream. */
export function openWebSocket(
  { url }: Endpoint,
  events: TransportEvents,
  environment: Environment,
  signal: AbortSignal,
): Promise<Transport> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new TandemError('aborted', 'the attempt was given up'));
    const socket = environment.openWebSocket(url, SUBPROTOCOL);
    let open = false;

    const silence = (): void => {
      socket.onopen = socket.onmessage = socket.onclose = null;
    };
    const abandon = (): void => {
      silence();
      socket.close();
      reject(new TandemError('aborted', 'the attempt was given up'));
    };
    signal.addEventListener('abort', abandon);

    socket.onopen = () => {
      open = true;
      signal.removeEventListener('abort', abandon);
      resolve({
        kind: 'websocket',
        url,
        // A socket that is closing drops what it is given; its session will hear of the end and resubmit.
        send: (message) => socket.send(encode(message)),
        close: (code, reason) => {
          silence();
          socket.close(code, reason);
        },
      });
    };
    socket.onmessage = ({ data }) => {
      const receivedAt = environment.now();
      try {
        events.message(decode(String(data)), receivedAt);
      } catch (error) {
        if (!(error instanceof TandemError)) throw error;
        events.garbage(error);
      }
    };
    socket.onclose = ({ code, reason }) => {
      signal.removeEventListener('abort', abandon);
      if (open) events.closed(code, reason);
      else reject(new TandemError('unavailable', `no connection to ${url}`));
    };
  });
}
