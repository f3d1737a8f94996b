/** The metrics of a run, opened from where their models lie. */
import type { BackendName, WeightFormat } from '../contract/backend.ts';
import type { MetricChoice, MiTuneSpec, ModelRef } from '../contract/spec.ts';
import { StudioError } from '../lib/errors.ts';
import type { Meter, Metric } from '../metrics/metric.ts';
import { openMeter } from '../metrics/openMeter.ts';
import { metricOf } from '../metrics/registry.ts';
import type { MetricNeed } from '../planning/memoryPhases.ts';
import { metricModel, metricModelId } from '../sources/metricModels.ts';
import { openModelRef } from './modelSource.ts';

/** Networks above this size are kept as halves on webgpu. */
const LARGE = 20e6;

/** What the networks of metrics take of the device; twice as much where matrices are kept in 32 bits. */
export function metricNeeds(names: readonly string[], backend: BackendName): readonly MetricNeed[] {
  return names.flatMap((name) => {
    const model = metricModel(metricOf(name)?.network?.model ?? '');
    if (model === null) return [];
    return [{ name: model.name, bytes: backend === 'webgpu' ? model.deviceBytes : 2 * model.deviceBytes }];
  });
}

/** The metrics with networks that a run asks for; they stay open until others are asked for. */
export class RunMeters {
  readonly #pageUrl: string;
  #key = '';
  #meters: readonly Meter[] = [];

  constructor(pageUrl: string) {
    this.#pageUrl = pageUrl;
  }

  get meters(): readonly Meter[] {
    return this.#meters;
  }

  /**
   * Opens those that are not open, and lets all of them read the prompts.
   * @throws StudioError `metric-unknown`, `model-missing` for one that was not downloaded, and as `openMeter`
   */
  async open(
    { metrics = [], prompts }: Pick<MiTuneSpec, 'metrics' | 'prompts'>,
    options: { readonly backend: BackendName; readonly signal: AbortSignal },
  ): Promise<void> {
    const key = JSON.stringify(metrics);
    if (key !== this.#key) {
      this.close();
      this.#meters = await openMeters(metrics, { ...options, pageUrl: this.#pageUrl });
      this.#key = key;
    }
    for (const meter of this.#meters) await meter.prepare(prompts);
  }

  /** Frees their networks. */
  close(): void {
    for (const meter of this.#meters) meter.dispose();
    this.#meters = [];
    this.#key = '';
  }
}

async function openMeters(
  choices: readonly MetricChoice[],
  options: { readonly pageUrl: string; readonly backend: BackendName; readonly signal: AbortSignal },
): Promise<readonly Meter[]> {
  const meters: Meter[] = [];
  try {
    for (const { name, model, phrases } of choices) {
      const metric = metricOf(name);
      if (metric === null) throw unknownMetric(name);
      if (metric.network === null) continue;
      const folder = await openModelRef(model ?? ownModel(metric), options.pageUrl);
      const parameters = metricModel(metric.network.model)?.parameters ?? 0;
      const format: WeightFormat = options.backend === 'webgpu' && parameters > LARGE ? 'f16' : 'f32';
      meters.push(await openMeter(metric, folder, { format, phrases, signal: options.signal }));
    }
    return meters;
  } catch (error) {
    for (const meter of meters) meter.dispose();
    throw error;
  }
}

/** The model that comes with the page, or the one that was downloaded. */
function ownModel({ network }: Metric): ModelRef {
  const id = network?.model ?? '';
  const base = metricModel(id)?.base ?? null;
  return base === null ? { kind: 'local', id: metricModelId(id) } : { kind: 'url', base };
}

function unknownMetric(name: string): StudioError {
  return new StudioError('metric-unknown', `There is no metric called ${name}.`, {
    where: name,
    remedy: 'Leave it out, or use a version of this page that has it.',
  });
}
