import { useEngine } from '../../../state/engine.ts';
import { formatBytes, formatCount, formatLarge } from '../../format.ts';
import { Meter } from '../../primitives/Meter.tsx';
import styles from './ModelPage.module.css';

/** The model in use and the backend it runs on, as the engine reports them. */
export function ModelFacts() {
  const { status, model, backend, progress } = useEngine();
  if (model === null) {
    const share = progress === null || progress.total === 0 ? null : progress.done / progress.total;
    return status === 'failed' ? (
      <p>No model is loaded.</p>
    ) : (
      <Meter label="Loading the model" share={share} />
    );
  }
  const { parameters } = model;
  const gpu = backend?.adapter ?? null;
  const rows: readonly (readonly [string, string])[] = [
    ['Name', model.name],
    ['Source', model.ref.kind === 'url' ? model.ref.base : 'Copied into this browser'],
    ['UNet', `${formatLarge(parameters.unet)} parameters`],
    ['Text encoder', `${formatLarge(parameters.textEncoder)} parameters`],
    ['Image decoder (VAE)', `${formatLarge(parameters.vae)} parameters`],
    ['Size of the files', formatBytes(model.sizeBytes)],
    ['Images', `${model.imageSize} × ${model.imageSize} pixels`],
    ['Longest prompt', `${formatCount(model.maxTokens)} tokens`],
    ['Predicts', model.prediction === 'epsilon' ? 'Noise (epsilon)' : 'Velocity (v)'],
    ['Layers an adapter can train', formatCount(model.adapterTargets)],
    [
      'Exact scorer',
      model.shapesWorld ? 'Yes, shown beside MI and never used to select' : 'Only for the shapes model',
    ],
    ...(backend === null
      ? []
      : [
          ['Backend', backend.name === 'webgpu' ? 'WebGPU' : 'Processor (WebAssembly)'] as const,
          ['Why', backend.reason] as const,
          ['Precision', backend.precision] as const,
        ]),
    ...(gpu === null
      ? []
      : [['GPU', [gpu.vendor, gpu.architecture, gpu.description].filter(Boolean).join(', ')] as const]),
  ];
  return (
    <dl className={styles.facts}>
      {rows.map(([label, value]) => (
        <div key={label} className={styles.fact}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
