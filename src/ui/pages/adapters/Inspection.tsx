import type { AdapterFacts, LayerFacts } from '../../../contract/adapterFiles.ts';
import { formatCount, formatNumber, formatPercent, formatPlural } from '../../format.ts';
import { Readout, Readouts } from '../../primitives/Readout.tsx';
import page from '../page.module.css';
import styles from './Adapters.module.css';
import { countBlocks, formatPlain } from './blocks.ts';
import { LayerTable } from './LayerTable.tsx';

const FORMATS: Readonly<Record<AdapterFacts['format'], string>> = {
  diffusers: 'diffusers',
  peft: 'PEFT',
  kohya: 'kohya',
  run: 'of a run here',
};
const KINDS: Readonly<Record<AdapterFacts['kind'], string>> = {
  lora: 'LoRA',
  dora: 'DoRA',
  difference: 'Differences',
};

/** What was found in an adapter, as a whole and layer by layer. */
export function Inspection({ facts }: { readonly facts: AdapterFacts }) {
  const { name, layers, norm, comparison, notes } = facts;
  return (
    <section className={page.section} aria-labelledby="inside-title">
      <h2 id="inside-title">{name}</h2>
      <Readouts>
        <Readout label="Format" value={FORMATS[facts.format]} note={KINDS[facts.kind]} />
        <Readout
          label="Layers"
          value={formatCount(layers.length)}
          note={`${formatPlural(countBlocks(layers), 'block')}`}
        />
        <Readout
          label="Rank"
          value={rangeOf(layers, (l) => l.rank)}
          note={`used ${rangeOf(layers, (l) => l.usedRank)}`}
        />
        <Readout label="Alpha" value={rangeOf(layers, (l) => l.alpha)} />
        <Readout label="Norm of the change" value={formatNumber(norm)} note="of all weights together" />
        {comparison === null ? null : (
          <Readout
            label={`Distance to ${comparison.name}`}
            value={formatPercent(comparison.distance)}
            note={
              comparison.cosine === null
                ? 'no layer in common'
                : `cosine ${formatNumber(comparison.cosine, 3)}`
            }
          />
        )}
      </Readouts>
      {notes.length === 0 ? null : (
        <ul className={styles.notes}>
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      <LayerTable layers={layers} comparison={comparison} />
      <p className={styles.explain}>
        Change is the length of W′ − W as a share of the length of W. Used rank counts the singular values of
        B A that make up 99% of its square. Both measure weights, not images: a small change may show, a large
        one may not.
      </p>
    </section>
  );
}

/** "4", or "4 to 16". */
function rangeOf(layers: readonly LayerFacts[], read: (layer: LayerFacts) => number | null): string {
  const values = layers.map(read).filter((value) => value !== null);
  if (values.length === 0) return '–';
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? formatPlain(least) : `${formatPlain(least)} to ${formatPlain(most)}`;
}
