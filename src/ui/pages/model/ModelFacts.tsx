import type { ModelReport } from '../../../contract/runTypes.ts';
import { modelName } from '../../../state/model/modelRows.ts';
import { useStored } from '../../../state/model/stored.ts';
import { useEngine } from '../../../state/page/engine.ts';
import { formatBytes, formatCount, formatLarge } from '../../format.ts';
import { kernelWords } from '../../words.ts';
import styles from './ModelInUse.module.css';

type Fact = readonly [label: string, value: string];

/** The model in use and the backend it runs on, as the engine reports them. */
export function ModelFacts() {
  const { model, backend } = useEngine();
  const list = useStored((state) => state.list);
  if (model === null) return null;
  const gpu = backend?.adapter ?? null;
  const engine: readonly Fact[] =
    backend === null
      ? []
      : [
          ['Backend', backend.name === 'webgpu' ? 'WebGPU' : 'Processor (WebAssembly)'],
          ['Why', backend.reason],
          ...(gpu === null
            ? []
            : [['GPU', [gpu.vendor, gpu.architecture, gpu.description].filter(Boolean).join(', ')] as const]),
          ['Frozen weights', model.weights === 'f16' ? 'f16, packed in pairs' : 'f32'],
          ['Arithmetic', 'f32'],
          ...kernelWords(backend),
        ];
  return (
    <div className={styles.columns}>
      <FactList title="Model" facts={modelFacts(model, modelName(model.ref, list))} />
      <FactList title="Engine" facts={engine} />
    </div>
  );
}

function modelFacts(model: ModelReport, name: string | null): readonly Fact[] {
  const { parameters } = model;
  return [
    ['Name', name === null || name === model.name ? model.name : `${name} (${model.name})`],
    ['Source', model.ref.kind === 'url' ? model.ref.base : 'Stored in this browser'],
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
  ];
}

function FactList({ title, facts }: { readonly title: string; readonly facts: readonly Fact[] }) {
  return (
    <div>
      <h3>{title}</h3>
      <dl>
        {facts.map(([label, value]) => (
          <div key={label} className={styles.fact}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
