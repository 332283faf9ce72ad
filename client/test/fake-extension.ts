import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** An event of the browser's, as extensions listen to it. */
class FakeEvent<Args extends unknown[]> {
  readonly #listeners: ((...args: Args) => unknown)[] = [];
  readonly addListener = (listener: (...args: Args) => unknown): void => void this.#listeners.push(listener);
  emit(...args: Args): unknown[] {
    return this.#listeners.map((listener) => listener(...args));
  }
}

/** The worker's end of a frame's port. Like the browser's, it throws when it is used after the frame is gone. */
export class FakePort {
  readonly name = 'video';
  readonly sender: { tab: { id: number } };
  readonly onMessage = new FakeEvent<[unknown]>();
  readonly onDisconnect = new FakeEvent<[]>();
  readonly told: Record<string, unknown>[] = [];
  #gone = false;

  constructor(tab: number) {
    this.sender = { tab: { id: tab } };
  }

  postMessage(message: Record<string, unknown>): void {
    if (this.#gone) throw new Error('Attempting to use a disconnected port object');
    this.told.push(message);
  }

  /** The frame is gone, and the worker hears of it now or later. */
  vanish(heard = true): void {
    this.#gone = true;
    if (heard) this.onDisconnect.emit();
  }
}

/** A room of the SDK, as far as the worker asks for one. */
export class FakeRoom {
  readonly state = { id: '7Q2K9XHF3BTW', self: 'm', timeline: {}, gate: undefined, members: [{ name: 'Ann' }] };
  connection = { state: 'connected' };
  left = 0;
  readonly #listeners = new Map<string, (value: unknown) => void>();

  constructor(readonly seat = 'a seat') {}

  on(event: string, listener: (value: unknown) => void): void {
    this.#listeners.set(event, listener);
  }

  leave(): Promise<void> {
    this.left++;
    this.connect('closed');
    return Promise.resolve();
  }

  connect(state: string): void {
    this.connection = { state };
    this.#listeners.get('connection')?.({ state });
  }
}

interface Answer {
  readonly code?: string;
  readonly error?: { readonly message: string };
}

/** The extension's worker, started anew in a browser that has no more than it asks for. */
export class FakeExtension {
  readonly seats = new Map<string, unknown>();
  readonly onConnect = new FakeEvent<[FakePort]>();
  /** What entering gives. */
  enters: () => Promise<FakeRoom> = () => Promise.resolve(new FakeRoom());
  injects: () => Promise<void> = () => Promise.resolve();
  readonly #onMessage = new FakeEvent<[unknown, { url: string }, (answer: Answer) => void]>();
  readonly #folder = mkdtempSync(join(tmpdir(), 'tandem-extension-'));

  /** Runs the worker's file, as it is. */
  async start(): Promise<void> {
    const { seats } = this;
    const enter = (): Promise<FakeRoom> => this.enters();
    const chrome = {
      storage: {
        session: {
          get: (key: string) => Promise.resolve(seats.has(key) ? { [key]: seats.get(key) } : {}),
          set: (items: object) => Promise.resolve(Object.entries(items).forEach(([key, value]) => seats.set(key, value))),
          remove: (key: string) => Promise.resolve(void seats.delete(key)),
        },
      },
      runtime: { onConnect: this.onConnect, onMessage: this.#onMessage, getURL: (path: string) => `chrome-extension://x/${path}` },
      scripting: { executeScript: () => this.injects() },
      webNavigation: { onDOMContentLoaded: new FakeEvent<[]>() },
      tabs: { onRemoved: new FakeEvent<[]>() },
    };
    Object.assign(globalThis, { chrome, fakeSdk: { createRoom: enter, joinRoom: enter, formatRoomCode: (id: string) => id } });
    cpSync('examples/extension/worker.js', join(this.#folder, 'worker.js'));
    writeFileSync(join(this.#folder, 'package.json'), '{"type": "module"}');
    writeFileSync(join(this.#folder, 'tandem.js'), 'export const { createRoom, joinRoom, formatRoomCode } = globalThis.fakeSdk;');
    await import(pathToFileURL(join(this.#folder, 'worker.js')).href);
  }

  /** Asks as the popup does. */
  ask(does: string, tab = 1): Promise<Answer> {
    const message = { does, tab, server: 'https://tandem.example', name: 'Ann', code: '7Q2K9XHF3BTW' };
    return new Promise((answer) => this.#onMessage.emit(message, { url: 'chrome-extension://x/popup.html' }, answer));
  }

  /** A frame of the tab opens a port. */
  connect(tab = 1): FakePort {
    const port = new FakePort(tab);
    this.onConnect.emit(port);
    return port;
  }

  end(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
