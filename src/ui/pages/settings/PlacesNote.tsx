import { usePlaces } from '../../../state/setup/questions.ts';
import { formatPlural } from '../../format.ts';
import { Disclosure } from '../../primitives/Disclosure.tsx';
import styles from './QuestionEditor.module.css';

const MOST_SHOWN = 50;

/** Which prompts the spatial score says nothing about, and which ones the benchmark itself always scores 0. */
export function PlacesNote({ prompts }: { readonly prompts: readonly string[] }) {
  const places = usePlaces(prompts);
  if (places === null || prompts.length === 0) return null;
  const { unplaced, alwaysZero } = places;
  return (
    <>
      {unplaced.length === 0 ? null : (
        <Disclosure label={`Nothing to say about ${formatPlural(unplaced.length, 'prompt')}`}>
          <p className={styles.note}>They name no place, or not two objects: their images get no number.</p>
          <PromptList prompts={unplaced} />
        </Disclosure>
      )}
      {alwaysZero.length === 0 ? null : (
        <Disclosure label={`UniDet itself would always score ${formatPlural(alwaysZero.length, 'prompt')} 0`}>
          <p className={styles.note}>
            An object is none of its 722 labels, or the phrase is “on top of”, for which the benchmark has no
            rule. OWL-ViT looks for the words all the same; do not set these numbers beside the paper’s.
          </p>
          <PromptList prompts={alwaysZero} />
        </Disclosure>
      )}
    </>
  );
}

function PromptList({ prompts }: { readonly prompts: readonly string[] }) {
  return (
    <ul className={styles.prompts}>
      {prompts.slice(0, MOST_SHOWN).map((prompt) => (
        <li key={prompt}>{prompt}</li>
      ))}
      {prompts.length > MOST_SHOWN ? <li>and {prompts.length - MOST_SHOWN} more</li> : null}
    </ul>
  );
}
