const steps = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['week', 7 * 86_400],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** How long before `now` an RFC 3339 time was: `3 days ago`; `unknown` when it is missing or no time. Milliseconds. */
export function timeAgo(time: string | number | undefined, now: number): string {
  const then = typeof time === 'string' ? Date.parse(time) : time;
  if (then === undefined || Number.isNaN(then)) return 'unknown';
  const seconds = Math.floor((now - then) / 1000);
  for (const [unit, length] of steps) {
    const amount = Math.floor(seconds / length);
    if (amount >= 1) return `${amount} ${unit}${amount === 1 ? '' : 's'} ago`;
  }
  return seconds < 0 ? 'in the future' : 'just now';
}
