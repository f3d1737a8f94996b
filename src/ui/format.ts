/** Numbers as the page writes them: American grouping, spaced units, minus signs of full width. */

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const BYTE_UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB'] as const;

export function formatCount(value: number): string {
  return WHOLE.format(value);
}

/** With exactly so many decimals. */
export function formatDecimals(value: number, decimals: number): string {
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  // Minus zero is zero.
  return minus((value + 0).toLocaleString('en-US', digits));
}

/** `1 image`, `2 images`. */
export function formatPlural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Large counts shortened: 11,520; 1.68 M. */
export function formatLarge(value: number): string {
  if (value < 100_000) return formatCount(value);
  if (value < 1e9) return `${trim(value / 1e6)} M`;
  return `${trim(value / 1e9)} G`;
}

/** In units of a thousand, as disks are sold. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? WHOLE.format(value) : trim(value)} ${BYTE_UNITS[unit]}`;
}

/** Two units at most: 45 s, 2 min, 2 h 10 min, 3 days, 4 years. */
export function formatDuration(seconds: number): string {
  if (seconds < 59.5) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.round(hours / 24);
  return days < 730 ? formatPlural(days, 'day') : formatPlural(Math.round(days / 365), 'year');
}

export function formatPercent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

/** So many significant figures; tiny and huge values in scientific form. */
export function formatNumber(value: number | null, digits = 4): string {
  if (value === null || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-4 || size >= 1e6)) return minus(value.toExponential(digits - 2));
  const decimals = size === 0 ? 0 : Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  return minus(value.toFixed(decimals));
}

/** A learning rate: 0.001, 1e−4, 2.5e−5. */
export function formatRate(value: number): string {
  const [digits = '', exponent = ''] = value.toExponential(2).split('e');
  return minus(value === 0 || value >= 1e-3 ? String(value) : `${Number(digits)}e${exponent}`);
}

/** A change, always with its sign. */
export function formatChange(value: number, digits = 3): string {
  return value > 0 ? `+${formatNumber(value, digits)}` : formatNumber(value, digits);
}

const DAY = new Intl.DateTimeFormat('en-US', { dateStyle: 'medium' });
const CLOCK = new Intl.DateTimeFormat('en-US', { timeStyle: 'short' });

/** `today at 4:10 PM`, or the date. */
export function formatDay(then: number, now = Date.now()): string {
  const day = DAY.format(then);
  return day === DAY.format(now) ? `today at ${CLOCK.format(then)}` : day;
}

/** Both in milliseconds. */
export function formatAgo(then: number, now: number): string {
  const seconds = (now - then) / 1000;
  return seconds < 45 ? 'just now' : `${formatDuration(seconds)} ago`;
}

function trim(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function minus(text: string): string {
  return text.replace(/-/g, '−');
}
