/** What to do about a measured offset. */
export type Correction = 
/** It is as good as it can be measured. */
{
    readonly kind: 'none';
}
/** Play at `factor` times the timeline's rate for so long, once. */
 | {
    readonly kind: 'nudge';
    readonly factor: number;
    readonly durationMs: number;
    readonly keepPitch: boolean;
}
/** Stop, seek ahead, and start again on the timeline. */
 | {
    readonly kind: 'rejoin';
};
/**
 * Plans one open-loop correction of an offset in seconds, positive when the player is ahead. What it leaves over, the
 * next measurement finds.
 */
export declare function planCorrection(offset: number): Correction;
