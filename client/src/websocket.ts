import type { Environment } from './environment.js';
import { TandemError } from './errors.js';
import { decode, encode, SUBPROTOCOL } from './protocol/index.js';
import type { Connect, Transport, TransportEvents } from './transport.js';

/** Connects by WebSocket to the first endpoint that answers. */
export const connectWebSocket: Connect = async (endpoints, events, environment, signal) => {
  let failure: unknown = new TandemError('unavailable', 'no WebSocket address is known');
  for (const endpoint of endpoints) {
    if (endpoint.transport !== 'websocket') continue;
    try {
      const transport = await openWebSocket(endpoint.url, events, environment, signal);
      return { transport, why: 'this client speaks WebSocket only' };
    } catch (error) {
      if (signal.aborted) throw error;
      failure = error;
    }
  }
  throw failure;
};

/** One JSON message per text frame, in one ordered stream. */
function openWebSocket(
  url: string,
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
