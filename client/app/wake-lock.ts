/** Keeps the screen on while a video plays. Browsers take the lock away with the page's being hidden. */
export function keepAwake(video: HTMLVideoElement, signal: AbortSignal): void {
  // Only secure contexts have it.
  const locks = (navigator as Partial<Navigator>).wakeLock;
  if (!locks) return;
  let lock: WakeLockSentinel | undefined;
  let asking = false;

  const update = async (): Promise<void> => {
    const wanted = !video.paused && document.visibilityState === 'visible' && !signal.aborted;
    if (!wanted) {
      const held = lock;
      lock = undefined;
      await held?.release();
    } else if (!asking && (lock === undefined || lock.released)) {
      asking = true;
      try {
        lock = await locks.request('screen');
      } catch {
        // A battery that runs low, or a policy: the screen may go dark, and nothing else happens.
      } finally {
        asking = false;
      }
      // It may have been paused while the lock was asked for.
      if (video.paused || signal.aborted) await update();
    }
  };
  const changed = (): void => void update();
  for (const type of ['play', 'pause', 'ended', 'emptied']) video.addEventListener(type, changed, { signal });
  document.addEventListener('visibilitychange', changed, { signal });
  signal.addEventListener('abort', changed);
}
