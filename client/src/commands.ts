import { TandemError } from './errors.js';
import { MAX_IN_FLIGHT, type Command, type CommandBody } from './protocol/index.js';

interface Pending {
  readonly body: CommandBody;
  /** It has gone out at least once, so the gateway may have done it. */
  sent: boolean;
  /** How often the gateway answered that it does not know. */
  doubts: number;
  /** The number of its last event, once acknowledged. */
  number: number | undefined;
  resolve(number: number): void;
  reject(error: TandemError): void;
}

/**
 * The seat's commands without an outcome. An acknowledged one is settled when the room's state shows its events, so
 * that whoever awaited it sees the effect. Ids only grow; a resubmission repeats id and content.
 */
export class CommandQueue {
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  /** Takes in a command. Throws `too_many_commands` when 64 are unanswered. */
  submit(body: CommandBody): { readonly id: number; readonly done: Promise<number> } {
    if (this.unanswered().length >= MAX_IN_FLIGHT) {
      throw new TandemError('too_many_commands', `${MAX_IN_FLIGHT} commands are waiting for an answer`);
    }
    const id = ++this.#lastId;
    const done = new Promise<number>((resolve, reject) => {
      this.#pending.set(id, { body, sent: false, doubts: 0, number: undefined, resolve, reject });
    });
    return { id, done };
  }

  /** The ids of the commands without an answer, oldest first. */
  unanswered(): readonly number[] {
    return [...this.#pending].filter(([, p]) => p.number === undefined).map(([id]) => id);
  }

  /** The command of that id to be sent, if it still waits for an answer. */
  toSend(id: number): Command | undefined {
    const pending = this.#pending.get(id);
    if (!pending || pending.number !== undefined) return undefined;
    pending.sent = true;
    const { type, ...fields } = pending.body;
    return { type, id, ...fields } as Command;
  }

  /** The gateway has done it. @param seen up to which number the room's state is complete. */
  acknowledged(id: number, number: number, seen: number): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    pending.number = number;
    this.reached(seen);
  }

  /** The room's state is complete up to `seen`. */
  reached(seen: number): void {
    for (const [id, { number, resolve }] of [...this.#pending]) {
      if (number === undefined || number > seen) continue;
      this.#pending.delete(id);
      resolve(number);
    }
  }

  /** The gateway has refused it. */
  refused(id: number, error: TandemError): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.reject(error);
  }

  /** The gateway does not know whether it is done. Returns how often that was its answer. */
  doubted(id: number): number {
    const pending = this.#pending.get(id);
    return pending ? ++pending.doubts : 0;
  }

  /** Goes on after the ids that the seat has used before, in another page for instance. */
  continueAfter(lastId: number): void {
    this.#lastId = Math.max(this.#lastId, lastId);
  }

  /**
   * Moves over to a fresh seat: what was never sent goes there under new ids; what was sent may or may not have been
   * done by the old seat, and is rejected as `unknown` rather than done twice.
   */
  changeSeat(): void {
    const unsent = [...this.#pending.values()].filter((p) => !p.sent);
    for (const [id, pending] of [...this.#pending]) if (!pending.sent) this.#pending.delete(id);
    this.close(new TandemError('unknown', 'the seat was lost before an answer came'));
    this.#lastId = 0;
    for (const pending of unsent) this.#pending.set(++this.#lastId, pending);
  }

  /** Settles everything: no answer will come any more. */
  close(error: TandemError): void {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const { number, resolve, reject } of all) {
      if (number !== undefined) resolve(number);
      else reject(error);
    }
  }
}
