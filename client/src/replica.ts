import type { Member, Received, RoomEvent, ServerMessage, Timeline } from './protocol/index.js';
import { emptyRoom, reduce, type RoomState } from './state.js';

/** Of how many unlisted members it is remembered what became of them. */
const MOST_UNLISTED = 1_000;

/** What events since the snapshot told of a member that it did not list. */
interface News {
  readonly gone?: boolean;
  readonly change?: Partial<Member>;
}

/**
 * This member's copy of the room, from messages of several channels that overtake each other: the log, which is in
 * order, a timeline that may be ahead of it, and the further members of a large room, which may be behind it.
 */
export class Replica {
  /** As the log has it. */
  #log = emptyRoom;
  #epoch = 0;
  /** A timeline that the log has not reached. */
  #ahead: Timeline | undefined;
  /** The snapshot did not list all members: pages of the others may come, as they were at the snapshot. */
  #partial = false;
  readonly #unlisted = new Map<string, News>();
  #state = emptyRoom;

  /** What users see: the log's room, with the newest timeline. */
  get state(): RoomState {
    return this.#state;
  }

  /** Takes in a message, and returns the state after it: the same object if the message tells nothing. */
  receive(message: Received): RoomState {
    const [log, ahead] = [this.#log, this.#ahead];
    if (message.type === 'timeline') this.#hint(message.epoch, message.timeline);
    else this.#follow(message);
    if (log !== this.#log || ahead !== this.#ahead) {
      // Every timeline closes the gate that was open before it.
      this.#state = this.#ahead ? { ...this.#log, timeline: this.#ahead, gate: undefined } : this.#log;
    }
    return this.#state;
  }

  #hint(epoch: number, timeline: Timeline): void {
    const known = this.#ahead ?? this.#log.timeline;
    if (epoch === this.#epoch && timeline.number > known.number) this.#ahead = timeline;
  }

  #follow(message: ServerMessage): void {
    switch (message.type) {
      case 'welcome':
      case 'snapshot':
        if (message.epoch !== this.#epoch) this.#ahead = undefined;
        this.#epoch = message.epoch;
        if (!message.room) break;
        this.#partial = message.room.members.length < message.room.memberCount;
        this.#unlisted.clear();
        break;
      case 'events':
        if (this.#partial) message.events.reduce((host, event) => this.#note(event, host), this.#log.host);
        break;
      case 'members':
        message = { ...message, members: message.members.flatMap((m) => this.#caughtUp(m)) };
    }
    this.#log = reduce(this.#log, message);
    if (this.#ahead && this.#ahead.number <= this.#log.timeline.number) this.#ahead = undefined;
  }

  /** Remembers what an event tells of members who are not listed; returns the host after it. */
  #note(event: RoomEvent, host: string | undefined): string | undefined {
    switch (event.type) {
      case 'joined':
        this.#unlisted.delete(event.joined.id);
        break;
      case 'left':
        this.#remember(event.left.member, { gone: true });
        break;
      case 'renamed':
        this.#remember(event.renamed.member, { change: { name: event.renamed.name } });
        break;
      case 'role':
        this.#remember(event.role.member, { change: { role: event.role.role } });
        break;
      case 'host':
        if (host) this.#remember(host, { change: { role: 'guest' } });
        this.#remember(event.host.member, { change: { role: 'host' } });
        return event.host.member;
    }
    return host;
  }

  #remember(id: string, news: News): void {
    const before = this.#unlisted.get(id);
    this.#unlisted.delete(id);
    // Who is gone stays so, whatever else is told, until it has joined again.
    this.#unlisted.set(id, { ...before, ...news, change: { ...before?.change, ...news.change } });
    const [oldest] = this.#unlisted.keys();
    if (this.#unlisted.size > MOST_UNLISTED && oldest !== undefined) this.#unlisted.delete(oldest);
  }

  #caughtUp(member: Member): Member[] {
    const { gone, change } = this.#unlisted.get(member.id) ?? {};
    return gone ? [] : [{ ...member, ...change }];
  }
}
