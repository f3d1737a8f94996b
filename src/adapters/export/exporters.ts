import type { ExportFormat } from '../../contract/adapterFiles.ts';
import { exportDiff } from './diff.ts';
import { exportDiffusers } from './diffusers.ts';
import type { Exporter } from './exporter.ts';
import { exportKohyaDora } from './kohyaDora.ts';
import { exportKohyaLowRank } from './kohyaLowRank.ts';

/** One for each format that an adapter is handed out in. */
export const EXPORTERS: Readonly<Record<ExportFormat, Exporter>> = {
  diffusers: exportDiffusers,
  kohya: exportKohyaLowRank,
  comfyui: exportKohyaDora,
  diff: exportDiff,
};
