import { useEffect, useRef, useState } from 'react';
import type { PixelImage } from '../../../../contract/events.ts';
import { reportError } from '../../../../lib/errors.ts';
import { goOn, roundPixels, startOver, toggle, useRespondent } from '../../../../state/survey/respondent.ts';
import { Button } from '../../../primitives/Button.tsx';
import { Confirm } from '../../../primitives/Confirm.tsx';
import { Icon } from '../../../primitives/Icon.tsx';
import { Meter } from '../../../primitives/Meter.tsx';
import { ImageChoice } from './ImageChoice.tsx';
import styles from './RoundView.module.css';

const NONE: ReadonlySet<number> = new Set();

/** One round: the prompt, its images in random places, and the way on. */
export function RoundView() {
  const at = useRespondent((state) => state.at);
  const round = useRespondent((state) => state.rounds[state.at]);
  const total = useRespondent((state) => state.rounds.length);
  const prompt = useRespondent((state) => state.manifest?.questions[round?.question ?? -1]?.prompt ?? '');
  const selected = useRespondent((state) => state.selections[state.at] ?? NONE);
  const kept = useRespondent((state) => state.kept);
  const images = useRoundImages(at);
  const [leaving, setLeaving] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  useRoundKeys();
  // biome-ignore lint/correctness/useExhaustiveDependencies: each round is read from its prompt on
  useEffect(() => {
    heading.current?.focus();
    void window.scrollTo(0, 0);
  }, [at]);
  if (round === undefined) return null;
  const places = round.order.map((_, place) => place);
  return (
    <section className={styles.round} aria-label={`Round ${at + 1} of ${total}`}>
      <h1 ref={heading} className={styles.prompt} tabIndex={-1}>
        <span className="visually-hidden">
          Round {at + 1} of {total}:{' '}
        </span>
        “{prompt.toLowerCase()}”
      </h1>
      <div className={styles.images} data-count={places.length}>
        {places.map((place) => (
          <ImageChoice
            key={`${at}/${place}`}
            place={place}
            image={images?.[place] ?? null}
            selected={selected.has(place)}
          />
        ))}
      </div>
      <div className={styles.steps}>
        <Button size="large" disabled={at === 0} onClick={() => goOn(-1)}>
          Previous
        </Button>
        <p className={styles.progress} aria-live="polite">
          {at + 1} of {total}, {selected.size === 0 ? 'none selected' : `${selected.size} selected`}
          <Meter label="Rounds" share={at / total} />
        </p>
        <Button size="large" look="primary" onClick={() => goOn(1)}>
          {at + 1 === total ? 'Finish' : 'Next'}
          <Icon name="arrow" />
        </Button>
      </div>
      <div className={styles.foot}>
        <p className={kept ? styles.kept : styles.warning}>
          {kept
            ? 'A reload goes on here: this browser keeps your selections until the end.'
            : 'This browser keeps nothing for this page: a reload would begin the survey anew.'}
        </p>
        <Button look="quiet" size="small" onClick={() => setLeaving(true)}>
          Give up
        </Button>
      </div>
      <Confirm
        open={leaving}
        title="Give up this survey?"
        text="Your selections are deleted from this browser. Nothing has been sent anywhere."
        action="Delete my selections"
        onConfirm={() => void startOver()}
        onClose={() => setLeaving(false)}
      />
    </section>
  );
}

/** Pixels of a round, and of the next one ahead of time; null while they are unpacked. */
function useRoundImages(at: number): readonly PixelImage[] | null {
  const [shown, setShown] = useState<{ at: number; images: readonly PixelImage[] } | null>(null);
  useEffect(() => {
    let current = true;
    roundPixels(at).then(
      (images) => current && setShown({ at, images }),
      (error: unknown) => useRespondent.setState({ failure: reportError(error) }),
    );
    return () => {
      current = false;
    };
  }, [at]);
  return shown?.at === at ? shown.images : null;
}

/** Digits select, Enter goes on wherever the focus is but on the buttons that go somewhere themselves. */
function useRoundKeys(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      const target = event.target instanceof Element ? event.target : null;
      if (target?.closest('[role=alertdialog]') != null) return;
      if (/^[1-9]$/.test(event.key)) {
        event.preventDefault();
        toggle(Number(event.key) - 1);
      } else if (
        event.key === 'Enter' &&
        target?.closest('button:not([data-image]), a, input, select') == null
      ) {
        event.preventDefault();
        goOn(event.shiftKey ? -1 : 1);
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}
