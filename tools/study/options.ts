/** The command line of the study. */
import { parseArgs } from 'node:util';
import { usageError } from '../lib/usage.ts';
import { DESIGNS, type Design, findDesign } from './design.ts';
import { findMethodsDesign, METHODS_DESIGNS, type MethodsDesign } from './methods/design.ts';
import type { StudyPart } from './steps.ts';

export const USAGE = `Usage: npm run study -- [options]

Measures on the shapes world, where alignment can be measured exactly, whether MI ranks images, whether MI-TUNE
aligns, and what its settings do. Writes docs/shapes-study.md. May be stopped at any time, also by kill -9; the same
command goes on. Steps come in the order of their worth, so whatever time there is is well spent.

--hours H          time to spend (default 12); also chooses the largest design of which at least two thirds fit
--design NAME      ${DESIGNS.map((design) => design.name).join(', ')} instead of the choice by hours
--part PART        1 (does MI rank?), 2 (does MI-TUNE align?), 3 (ablations) or tune; may be repeated (default: all)
--workers N        browser pages that work side by side (default 1)
--methods             the methods side by side instead (the paper's Table 1): writes docs/methods-study.md, works in
                      .study/methods/; its designs are ${METHODS_DESIGNS.map((design) => design.name).join(', ')} (default small)
--bases DIR,DIR    further base models to hold part 1's ranking against: folders of shapes models
--pool-list DIR    only write DIR/pool.json: the candidates of the parts asked for that are not there yet, to be drawn
                   elsewhere (tools/shapes-model/draw_pools.py)
--pool-from DIR    first take over the candidates that were drawn so, after some were drawn again here and are the same
--work DIR         where results are kept (default .study/)
--budget           only measure the speed and print the plan
--report           only write the report from what is stored
--out FILE         the report (default docs/shapes-study.md); its plots go to shapes-study/ beside it
--quick            design quick, in seconds: shows that the machinery works, and nothing else
--help             this text`;

export type StudyOptions = {
  readonly hours: number;
  readonly design: Design | null;
  /** The comparison of methods in place of the study; null for the study. */
  readonly methods: MethodsDesign | null;
  readonly parts: readonly StudyPart[];
  /** Folders of further base models. */
  readonly bases: readonly string[];
  /** Folders for candidates that are drawn elsewhere: where to list them, and where to take them from. */
  readonly poolList: string | null;
  readonly poolFrom: string | null;
  readonly workers: number;
  readonly work: string | null;
  readonly out: string | null;
  readonly mode: 'run' | 'budget' | 'report';
};

const PARTS: readonly StudyPart[] = ['tune', '1', '2', '3'];
const MAX_HOURS = 12;

/** null where help is asked for. @throws StudioError `usage` */
export function readOptions(args: readonly string[]): StudyOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      hours: { type: 'string', default: String(MAX_HOURS) },
      design: { type: 'string' },
      part: { type: 'string', multiple: true },
      workers: { type: 'string', default: '1' },
      bases: { type: 'string', default: '' },
      'pool-list': { type: 'string' },
      'pool-from': { type: 'string' },
      work: { type: 'string' },
      out: { type: 'string' },
      budget: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      methods: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const hours = Number(values.hours);
  if (!(hours > 0 && hours <= MAX_HOURS)) throw usageError(`--hours takes a number up to ${MAX_HOURS}.`);
  const workers = Number(values.workers);
  if (!Number.isInteger(workers) || workers < 1 || workers > 16) throw usageError('--workers takes 1 to 16.');
  const name = values.quick ? 'quick' : values.design;
  const methods = values.methods ? findMethodsDesign(name ?? 'small') : null;
  const design = name === undefined || values.methods ? null : findDesign(name);
  if (design === undefined || methods === undefined) throw usageError(`There is no design ${name}.`);
  const parts = (values.part ?? PARTS).map((text) => {
    const part = PARTS.find((known) => known === text);
    if (part === undefined) throw usageError(`There is no part ${text}: ${PARTS.join(', ')}.`);
    return part;
  });
  return {
    hours,
    design,
    methods,
    parts,
    bases: values.bases.split(',').filter((folder) => folder !== ''),
    poolList: values['pool-list'] ?? null,
    poolFrom: values['pool-from'] ?? null,
    workers,
    work: values.work ?? null,
    out: values.out ?? null,
    mode: values.report ? 'report' : values.budget ? 'budget' : 'run',
  };
}
