import { useEffect } from 'react';
import type { Prompt, PromptList } from '../../../formats/promptList.ts';
import type { ErrorReport } from '../../../lib/errors.ts';
import { useEngine } from '../../../state/page/engine.ts';
import { useRuns } from '../../../state/run/runs.ts';
import { measurePrompts, NO_LENGTHS, usePromptLengths } from '../../../state/setup/promptLengths.ts';
import { formatPlural } from '../../format.ts';
import { ErrorCard } from '../../shell/ErrorCard.tsx';
import styles from './PromptEditor.module.css';

const SHOWN = 4;
const SETTLE_MS = 400;
const NO_PROMPTS: readonly Prompt[] = [];

type FindingsProps = { readonly list: PromptList | null; readonly failure: ErrorReport | null };

/** What was found in the list, with line numbers. */
export function PromptFindings({ list, failure }: FindingsProps) {
  const { room, long } = useLongPrompts(list);
  if (failure !== null)
    return (
      <div className={styles.failure}>
        <ErrorCard report={failure} severity="error" />
      </div>
    );
  if (list === null) return null;
  const repeats = list.duplicates.map(({ text, lines }) => `Lines ${lines.join(', ')} repeat “${text}”.`);
  const cut = long.map(
    ({ line, tokens }) =>
      `Line ${line} has ${tokens} tokens; the model reads ${room} of a prompt and ignores the rest.`,
  );
  const findings = [...list.warnings, ...cut, ...repeats];
  if (findings.length === 0) return null;
  return (
    <ul className={styles.findings}>
      {findings.slice(0, SHOWN).map((finding) => (
        <li key={finding}>{finding}</li>
      ))}
      {findings.length > SHOWN ? <li>And {formatPlural(findings.length - SHOWN, 'more remark')}.</li> : null}
    </ul>
  );
}

/** Asks the loaded model once typing has come to rest, and not while it works. */
function useLongPrompts(list: PromptList | null) {
  const loaded = useEngine(({ status, model }) => (status === 'ready' ? model : null));
  const idle = useRuns((state) => state.activity === 'idle');
  const prompts = list?.prompts ?? NO_PROMPTS;
  useEffect(() => {
    if (loaded === null || !idle) return;
    const timer = setTimeout(() => void measurePrompts(prompts, loaded.maxTokens - 2), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [prompts, loaded, idle]);
  const measured = usePromptLengths();
  return measured.prompts === prompts ? measured : NO_LENGTHS;
}
