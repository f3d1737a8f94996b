/**
 * What the paper reports of its own surveys (MI-TUNE, Table 3 and the text around Tables 3 and 4), as far as it can be
 * quoted with certainty; the rest is left out rather than guessed.
 */

type PaperGroup = {
  readonly name: string;
  readonly people: number;
  readonly surveys: number;
  /** Percent of rounds in which the column's image was selected. */
  readonly byColumn?: Readonly<Record<string, number>>;
  /** Percent of rounds by pattern, its columns joined by `+`. */
  readonly patterns?: Readonly<Record<string, number>>;
};

export const PAPER_METRICS_COLUMNS = ['mi', 'blip', 'hps'] as const;

export const PAPER_METRICS_GROUPS: readonly PaperGroup[] = [
  {
    name: 'academics',
    people: 5,
    surveys: 45,
    byColumn: { mi: 69.1, blip: 73.5, hps: 52.2 },
    patterns: { mi: 4.0, 'mi+hps': 6.0, 'mi+blip': 18.7, 'mi+blip+hps': 40.4 },
  },
  { name: 'random', people: 25, surveys: 35 },
  { name: 'students', people: 16, surveys: 22 },
];

export const PAPER_METHODS = { surveys: 42, rounds: 12 } as const;
