/** Two plain charts as SVG text, readable on light and dark ground: intervals in rows, and lines with bands. */

const STYLE = `<style>
text { font: 12px system-ui, sans-serif; fill: #333; }
.title { font-weight: 600; }
.axis { stroke: #999; stroke-width: 1; }
.zero { stroke: #777; stroke-dasharray: 3 3; }
.grid { stroke: #ddd; stroke-width: 1; }
.a { stroke: #0b62a4; fill: #0b62a4; }
.b { stroke: #c2571a; fill: #c2571a; }
.line { fill: none; stroke-width: 2; }
.band { stroke: none; fill-opacity: 0.15; }
.bar { stroke-width: 2; }
@media (prefers-color-scheme: dark) {
text { fill: #ddd; }
.axis { stroke: #888; }
.zero { stroke: #aaa; }
.grid { stroke: #444; }
.a { stroke: #6db3f2; fill: #6db3f2; }
.b { stroke: #f0a060; fill: #f0a060; }
}
</style>`;

const WIDTH = 720;
const LABEL_WIDTH = 250;
const RIGHT = 24;
const TOP = 34;
const ROW = 20;
const BOTTOM = 40;

export type IntervalMark = {
  readonly label: string;
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
};

/** One row per mark: a dot and its interval, with a line at zero. */
export function intervalPlot(title: string, axis: string, marks: readonly IntervalMark[]): string {
  const known = marks.filter((mark) => Number.isFinite(mark.estimate));
  const values = known.flatMap(({ low, high, estimate }) =>
    [low, high, estimate].filter((value) => Number.isFinite(value)),
  );
  const ticks = niceTicks(Math.min(0, ...values), Math.max(0, ...values));
  const [first, last] = [ticks[0] ?? 0, ticks.at(-1) ?? 1];
  const x = (value: number): number =>
    LABEL_WIDTH + ((value - first) / (last - first)) * (WIDTH - LABEL_WIDTH - RIGHT);
  const foot = TOP + known.length * ROW;
  const rows = known.map(({ label, estimate, low, high }, i) => {
    const y = TOP + i * ROW + ROW / 2;
    const bar = Number.isFinite(low)
      ? `<line class="a bar" x1="${at(x(low))}" x2="${at(x(high))}" y1="${y}" y2="${y}"/>`
      : '';
    return `<text x="${LABEL_WIDTH - 10}" y="${y + 4}" text-anchor="end">${escapeXml(label)}</text>${bar}<circle class="a" cx="${at(x(estimate))}" cy="${y}" r="4"/>`;
  });
  const grid = ticks.map((tick) => {
    const name = tick === 0 ? 'zero' : 'grid';
    return `<line class="${name}" x1="${at(x(tick))}" x2="${at(x(tick))}" y1="${TOP}" y2="${foot}"/><text x="${at(x(tick))}" y="${foot + 16}" text-anchor="middle">${label(tick)}</text>`;
  });
  const caption = `<text x="${(LABEL_WIDTH + WIDTH - RIGHT) / 2}" y="${foot + 33}" text-anchor="middle">${escapeXml(axis)}</text>`;
  return document(title, foot + BOTTOM, [...grid, ...rows, caption]);
}

type Line = {
  readonly name: string;
  readonly points: readonly {
    readonly x: number;
    readonly y: number;
    readonly low: number;
    readonly high: number;
  }[];
};

const PLOT_LEFT = 56;
const PLOT_HEIGHT = 240;

/** At most two lines with their bands. */
export function linePlot(title: string, axes: { x: string; y: string }, lines: readonly Line[]): string {
  const all = lines.flatMap((line) => line.points).filter((point) => Number.isFinite(point.y));
  const yValues = all.flatMap(({ y, low, high }) => [y, low, high].filter((value) => Number.isFinite(value)));
  const yTicks = niceTicks(Math.min(0, ...yValues), Math.max(0, ...yValues));
  const xTicks = niceTicks(Math.min(...all.map((p) => p.x)), Math.max(...all.map((p) => p.x)));
  const scale = (ticks: readonly number[], from: number, to: number) => {
    const [first, last] = [ticks[0] ?? 0, ticks.at(-1) ?? 1];
    return (value: number): number => from + ((value - first) / (last - first)) * (to - from);
  };
  const x = scale(xTicks, PLOT_LEFT, WIDTH - RIGHT);
  const y = scale(yTicks, TOP + PLOT_HEIGHT, TOP);
  const grid = [
    ...yTicks.map(
      (tick) =>
        `<line class="${tick === 0 ? 'zero' : 'grid'}" x1="${PLOT_LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y(tick))}" y2="${at(y(tick))}"/><text x="${PLOT_LEFT - 6}" y="${at(y(tick) + 4)}" text-anchor="end">${label(tick)}</text>`,
    ),
    ...xTicks.map(
      (tick) =>
        `<text x="${at(x(tick))}" y="${TOP + PLOT_HEIGHT + 18}" text-anchor="middle">${label(tick)}</text>`,
    ),
  ];
  const drawn = lines.map((line, i) => {
    const name = i === 0 ? 'a' : 'b';
    const known = line.points.filter((p) => Number.isFinite(p.y));
    const path = known.map((p) => `${at(x(p.x))},${at(y(p.y))}`).join(' ');
    const banded = known.filter((p) => Number.isFinite(p.low));
    const band = [...banded.map((p) => [p.x, p.high]), ...banded.toReversed().map((p) => [p.x, p.low])]
      .map(([px, py]) => `${at(x(px ?? 0))},${at(y(py ?? 0))}`)
      .join(' ');
    const legend = `<text class="${name}" style="stroke:none" x="${WIDTH - RIGHT}" y="${TOP + 14 + 16 * i}" text-anchor="end">${escapeXml(line.name)}</text>`;
    return `<polygon class="${name} band" points="${band}"/><polyline class="${name} line" points="${path}"/>${legend}`;
  });
  const foot = TOP + PLOT_HEIGHT;
  const captions = [
    `<text x="${(PLOT_LEFT + WIDTH) / 2}" y="${foot + 36}" text-anchor="middle">${escapeXml(axes.x)}</text>`,
    `<text transform="translate(14 ${TOP + PLOT_HEIGHT / 2}) rotate(-90)" text-anchor="middle">${escapeXml(axes.y)}</text>`,
  ];
  return document(title, foot + BOTTOM + 4, [...grid, ...drawn, ...captions]);
}

function document(title: string, height: number, parts: readonly string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeXml(title)}">`;
  return `${[head, STYLE, `<text class="title" x="12" y="20">${escapeXml(title)}</text>`, ...parts, '</svg>'].join('\n')}\n`;
}

/** Round numbers that enclose the range. */
export function niceTicks(low: number, high: number): readonly number[] {
  const span = high > low ? high - low : 1;
  const rough = span / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((m) => m * power >= rough) ?? 10) * power;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function label(value: number): string {
  return String(value).replace('-', '−');
}

function at(value: number): string {
  return value.toFixed(1);
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
