const sizes = ['kB', 'MB', 'GB', 'TB'] as const;

/** Bytes for people, in powers of 1000 as registries and Docker count: `999 B`, `81.2 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes;
  let unit: string = 'B';
  for (const size of sizes) {
    if (value < 999.95) break;
    value /= 1000;
    unit = size;
  }
  return `${value.toFixed(1)} ${unit}`;
}

/** A duration for people: `0.4s`, `59.9s`, `3m07s`, `2h05m`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}m${twoDigits(whole % 60)}s`;
  return `${Math.floor(minutes / 60)}h${twoDigits(minutes % 60)}m`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

/** `1 layer`, `2 layers`. */
export function count(amount: number, singular: string, plural = `${singular}s`): string {
  return `${amount} ${amount === 1 ? singular : plural}`;
}
