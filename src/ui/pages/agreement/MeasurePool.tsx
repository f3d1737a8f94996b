import { useState } from 'react';
import type { EditedPhrases } from '../../../contract/spec.ts';
import { METRICS, metricOf } from '../../../metrics/registry.ts';
import { metricModel } from '../../../sources/metricModels.ts';
import { useEngine } from '../../../state/page/engine.ts';
import { measureShownPool, stopMeasuring, useMeasuring } from '../../../state/run/measuring.ts';
import { isFree, type OpenRun, useRuns } from '../../../state/run/runs.ts';
import { useStoredMetrics } from '../../../state/setup/metrics.ts';
import { formatBytes } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import { Choice } from '../../primitives/Choice.tsx';
import { Disclosure } from '../../primitives/Disclosure.tsx';
import { Meter } from '../../primitives/Meter.tsx';
import { MetricDownload } from '../settings/MetricDownload.tsx';
import { PlacesNote } from '../settings/PlacesNote.tsx';
import { QuestionEditor } from '../settings/QuestionEditor.tsx';
import styles from './Agreement.module.css';

const WITH_NETWORK = METRICS.flatMap((metric) =>
  metric.network === null ? [] : [{ ...metric, network: metric.network }],
);

/** Another metric on images that are there already, whatever the run measured as it drew them. */
export function MeasurePool({ run }: { readonly run: OpenRun }) {
  const [chosen, setName] = useState<string | null>(null);
  const shapesWorld = useEngine((state) => state.model?.shapesWorld ?? false);
  const name = chosen ?? (shapesWorld ? 'shapes-clip' : 'clip');
  const [edited, setEdited] = useState<EditedPhrases>(
    () => run.spec.metrics?.find(({ phrases }) => phrases !== undefined)?.phrases ?? {},
  );
  const stored = useStoredMetrics();
  const idle = useRuns(isFree);
  const ready = useEngine((state) => state.status === 'ready');
  const measuring = useMeasuring();
  const metric = WITH_NETWORK.find((one) => one.name === name);
  const model = metric === undefined ? null : metricModel(metric.network.model);
  if (metric === undefined || model === null) return null;
  const isHere = model.base !== null || stored.has(model.id);
  const asks = metric.network.pixels === 'blip';
  const choice = run.spec.metrics?.find((one) => one.name === name)?.model ?? null;
  const phrases = asks && Object.keys(edited).length > 0 ? { phrases: edited } : {};
  return (
    <Disclosure label="Measure these images by another metric">
      <div className={styles.panel}>
        <div className={styles.choice}>
          <Choice
            label="Metric"
            value={name}
            options={WITH_NETWORK.map(({ name: value, title, summary }) => ({
              value,
              label: title,
              help: summary,
            }))}
            onChange={setName}
          />
          {measuring.name !== null ? (
            <>
              <Meter
                label={`Measuring ${metricOf(measuring.name)?.title ?? measuring.name}`}
                share={measuring.total === 0 ? null : measuring.done / measuring.total}
              />
              <Button onClick={stopMeasuring}>Stop</Button>
            </>
          ) : isHere || choice !== null ? (
            <Button
              look="primary"
              disabled={!idle || !ready}
              onClick={() => void measureShownPool({ name, model: choice, ...phrases })}
            >
              Measure
            </Button>
          ) : (
            <MetricDownload model={model} />
          )}
        </div>
        <p className={styles.caution}>{metric.caution}</p>
        <p className={styles.caution}>
          Images that have this number already are left out; what has been measured stays when you stop. Takes
          up to {formatBytes(model.deviceBytes)} of GPU memory; the UNet of a large model is unloaded
          meanwhile.
        </p>
        {metric.network.pixels === 'owlvit' ? <PlacesNote prompts={run.spec.prompts} /> : null}
        {asks ? (
          <Disclosure label="Questions">
            <QuestionEditor prompts={run.spec.prompts} edited={edited} onEdit={setEdited} />
          </Disclosure>
        ) : null}
      </div>
    </Disclosure>
  );
}
