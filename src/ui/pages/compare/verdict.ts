/** What an evaluation says, in sentences. */
import type { EvaluationRecord } from '../../../contract/events.ts';
import type { ComparePair } from '../../../contract/protocol.ts';
import { METRICS } from '../../../metrics/registry.ts';
import { outcomeOf } from '../../../state/run/evaluated.ts';
import { formatPlural } from '../../format.ts';
import { formatMetric } from '../../metrics.ts';

/** One sentence, by the first metric that was measured; without any, by what the noise prediction says. */
export function verdictSentence({ metrics, errorFall, mi }: EvaluationRecord): string {
  const what = errorFall === null ? 'The method' : 'Training';
  const where = errorFall === null ? 'on the same seeds' : 'on held-out prompts';
  const metric = METRICS.find(({ name }) => name in metrics);
  const measured = metric === undefined ? undefined : metrics[metric.name];
  if (metric === undefined || measured === undefined) {
    if (errorFall === null) {
      if (mi.change.low > 0) return 'The method raised the MI of pictures from the same seeds.';
      return mi.change.high < 0
        ? 'The method lowered the MI of pictures from the same seeds.'
        : 'Whether the method helped is not settled.';
    }
    if (errorFall.low > 0) return 'Training helped the network to predict held-out images.';
    return errorFall.high < 0
      ? 'Training did harm: held-out images are predicted worse than before.'
      : 'Whether training helped on held-out prompts is not settled.';
  }
  const { before, after, change } = measured;
  const [was, is] = [formatMetric(metric, before.value), formatMetric(metric, after.value)];
  const said = `the ${metric.title.toLowerCase()} ${where} was ${was} before and is ${is} after`;
  if (change.low > 0) return `${what} helped: ${said}.`;
  if (change.high < 0) return `${what} did harm: ${said}.`;
  return `Not settled: ${said}, and the difference may be chance.`;
}

/** How many pictures got better, stayed as good, got worse; null where none is measured. */
export function tallySentence(pairs: readonly ComparePair[]): string | null {
  const outcomes = pairs.map(outcomeOf).filter((outcome) => outcome !== null);
  if (outcomes.length === 0) return null;
  const count = (name: (typeof outcomes)[number]): number =>
    outcomes.filter((outcome) => outcome === name).length;
  return `Of ${formatPlural(outcomes.length, 'picture')}, ${count('win')} got better, ${count('tie')} stayed as good and ${count('loss')} got worse.`;
}
