import { useEffect, useState } from 'react';
import { useRuns, visibleStatus } from '../../state/run/runs.ts';
import { formatDuration, formatPercent } from '../format.ts';
import { STAGE_WORDS, STATUS_WORDS } from '../words.ts';
import { progressShare } from './runTitle.ts';

const SPEAK_EVERY_MS = 15_000;

/** Tells screen readers how the run goes: at once when its state changes, otherwise a few times a minute. */
export function LiveStatus() {
  const status = useRuns(visibleStatus);
  const stage = useRuns((state) => state.stage);
  const [text, setText] = useState('');

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new stage is spoken at once
  useEffect(() => {
    const speak = () => setText(describe());
    speak();
    if (status !== 'running') return;
    const timer = setInterval(speak, SPEAK_EVERY_MS);
    return () => clearInterval(timer);
  }, [status, stage]);

  return (
    <p className="visually-hidden" aria-live="polite">
      {text}
    </p>
  );
}

function describe(): string {
  const state = useRuns.getState();
  const status = visibleStatus(state);
  if (status === 'idle') return '';
  if (status !== 'running' || state.stage === null) return STATUS_WORDS[status];
  const share = progressShare(state.progress);
  const left = state.progress?.secondsLeft ?? null;
  const parts = [STAGE_WORDS[state.stage]];
  if (share !== null) parts.push(formatPercent(share));
  if (left !== null) parts.push(`${formatDuration(left)} left`);
  return parts.join(', ');
}
