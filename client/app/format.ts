/** Seconds as 1:05 or 1:02:05. */
export function formatTime(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–:––';
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** Milliseconds to a tenth below 10, else whole. */
export function formatMs(ms: number): string {
  return `${Math.abs(ms) < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}

/** An offset with its sign. */
export function formatOffset(ms: number): string {
  return (ms < 0 ? '−' : '+') + formatMs(Math.abs(ms));
}

/** An instant of cluster time in microseconds as the hour here. */
export function formatHour(at: number): string {
  return new Date(at / 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}
