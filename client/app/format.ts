/** Seconds as 1:05 or 1:02:05. */
export function formatTime(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–:––';
  const [h, m, s] = split(seconds);
  const pad = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** Seconds as they are read out. */
export function speakTime(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'an unknown length';
  const [h, m, s] = split(seconds);
  const part = (n: number, unit: string): string[] => (n > 0 ? [`${n} ${unit}${n === 1 ? '' : 's'}`] : []);
  const parts = [...part(h, 'hour'), ...part(m, 'minute'), ...part(s, 'second')];
  return parts.length > 0 ? parts.join(' ') : '0 seconds';
}

function split(seconds: number): [h: number, m: number, s: number] {
  const whole = Math.max(0, Math.floor(seconds));
  return [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
}

/** Milliseconds to a tenth below 10, else whole. */
export function formatMs(ms: number): string {
  return `${Math.abs(ms) < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}

/** An offset with its sign. */
export function formatOffset(ms: number): string {
  const size = formatMs(Math.abs(ms));
  if (size === '0.0 ms') return size;
  return (ms < 0 ? '−' : '+') + size;
}

/** An offset in words. */
export function speakOffset(ms: number): string {
  const far = Math.abs(ms) >= 1000 ? `${(Math.abs(ms) / 1000).toFixed(1)} s` : `${Math.abs(ms).toFixed(0)} ms`;
  return `${far} ${ms < 0 ? 'behind' : 'ahead'}`;
}

/** An instant of cluster time in microseconds as the hour here. */
export function formatHour(at: number): string {
  return new Date(at / 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}
