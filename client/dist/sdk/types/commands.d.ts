import { TandemError } from './errors.js';
import { type Command, type CommandBody } from './protocol/index.js';
/**
 * The seat's commands without an outcome. An acknowledged one is settled when the room's state shows its events, so
 * that whoever awaited it sees the effect. Ids only grow; a resubmission repeats id and content.
 */
export declare class CommandQueue {
    #private;
    /** Takes in a command. Throws `too_many_commands` when 64 are unanswered. */
    submit(body: CommandBody): {
        readonly id: number;
        readonly done: Promise<number>;
    };
    /** The ids of the commands without an answer, oldest first. */
    unanswered(): readonly number[];
    /** The command of that id to be sent, if it still waits for an answer. */
    toSend(id: number): Command | undefined;
    /** The gateway has done it. @param seen up to which number the room's state is complete. */
    acknowledged(id: number, number: number, seen: number): void;
    /** The room's state is complete up to `seen`. */
    reached(seen: number): void;
    /** The gateway has refused it. */
    refused(id: number, error: TandemError): void;
    /** The gateway does not know whether it is done. Returns how often that was its answer. */
    doubted(id: number): number;
    /** Goes on after the ids that the seat has used before, in another page for instance. */
    continueAfter(lastId: number): void;
    /**
     * Moves over to a fresh seat: what was never sent goes there under new ids; what was sent may or may not have been
     * done by the old seat, and is rejected as `unknown` rather than done twice.
     */
    changeSeat(): void;
    /** Settles everything: no answer will come any more. */
    close(error: TandemError): void;
}
