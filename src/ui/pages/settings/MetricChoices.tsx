import { useMemo } from 'react';
import { METRICS } from '../../../metrics/registry.ts';
import { metricModel } from '../../../sources/metricModels.ts';
import { setPhrases, toggleMetric, useStoredMetrics } from '../../../state/setup/metrics.ts';
import { usePrompts } from '../../../state/setup/prompts.ts';
import { useSettings } from '../../../state/setup/settings.ts';
import { formatBytes, formatLarge } from '../../format.ts';
import { Disclosure } from '../../primitives/Disclosure.tsx';
import { Toggle } from '../../primitives/Toggle.tsx';
import styles from './FieldGroup.module.css';
import { MetricDownload } from './MetricDownload.tsx';
import { PlacesNote } from './PlacesNote.tsx';
import { QuestionEditor } from './QuestionEditor.tsx';
import { SettingsGroup } from './SettingsGroup.tsx';

const NOTHING_EDITED = {};

/** Metrics that run a network on every image: they are shown beside the score and never select. */
export function MetricChoices() {
  const chosen = useSettings((state) => state.metrics);
  const stored = useStoredMetrics();
  const list = usePrompts((state) => state.list);
  const prompts = useMemo(() => list?.prompts.map(({ text }) => text) ?? [], [list]);
  return (
    <SettingsGroup
      id="metrics"
      title="Metrics"
      summary="Measured on every image, and shown beside its score: as it is drawn, or with a large model once all are drawn. They never select anything. The agreement page measures images that are there already."
    >
      {METRICS.map(({ name, title, summary, caution, network }) => {
        const model = network === null ? null : metricModel(network.model);
        if (model === null) return null;
        const isHere = model.base !== null || stored.has(model.id);
        const choice = chosen.find((one) => one.name === name);
        const isChosen = choice !== undefined;
        return (
          <div key={name} className={styles.row}>
            <div>
              <p className={styles.label}>{title}</p>
              <p className={styles.help}>{summary}</p>
              <Disclosure label="When not to trust it">
                <p className={styles.help}>{caution}</p>
                <p className={styles.help}>
                  {model.name}: {formatLarge(model.parameters)} parameters, {formatBytes(model.sizeBytes)}, up
                  to {formatBytes(model.deviceBytes)} of GPU memory while it measures (the UNet of a large
                  model is unloaded meanwhile),{' '}
                  <a href={model.license.url} target="_blank" rel="noreferrer">
                    license {model.license.name}
                  </a>
                  . {model.notes}
                </p>
              </Disclosure>
            </div>
            <div className={styles.control}>
              {isHere || isChosen ? (
                <Toggle
                  label={`Measure ${title}`}
                  checked={isChosen}
                  onChange={(on) => toggleMetric(name, on)}
                />
              ) : (
                <MetricDownload model={model} />
              )}
            </div>
            {choice !== undefined && network?.pixels === 'blip' ? (
              <div className={styles.below}>
                <Disclosure label="Questions">
                  <QuestionEditor
                    prompts={prompts}
                    edited={choice.phrases ?? NOTHING_EDITED}
                    onEdit={(phrases) => setPhrases(name, phrases)}
                  />
                </Disclosure>
              </div>
            ) : null}
            {isChosen && network?.pixels === 'owlvit' ? (
              <div className={styles.below}>
                <PlacesNote prompts={prompts} />
              </div>
            ) : null}
          </div>
        );
      })}
    </SettingsGroup>
  );
}
