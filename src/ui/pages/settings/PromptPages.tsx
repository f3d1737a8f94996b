import { type ReactNode, useMemo, useState } from 'react';
import { formatCount } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import styles from './QuestionEditor.module.css';

const PER_PAGE = 10;

type PromptPagesProps = {
  /** Each once. */
  readonly prompts: readonly string[];
  readonly children: (shown: readonly string[]) => ReactNode;
};

/** A long list of prompts, a page at a time. */
export function PromptPages({ prompts, children }: PromptPagesProps) {
  const [page, setPage] = useState(0);
  const pages = Math.max(1, Math.ceil(prompts.length / PER_PAGE));
  const at = Math.min(page, pages - 1);
  const shown = useMemo(() => prompts.slice(at * PER_PAGE, (at + 1) * PER_PAGE), [prompts, at]);
  return (
    <>
      {children(shown)}
      {pages === 1 ? null : (
        <div className={styles.pager}>
          <Button look="quiet" disabled={at === 0} onClick={() => setPage(at - 1)}>
            Previous prompts
          </Button>
          <span>
            {formatCount(at * PER_PAGE + 1)} to {formatCount(at * PER_PAGE + shown.length)} of{' '}
            {formatCount(prompts.length)}
          </span>
          <Button look="quiet" disabled={at === pages - 1} onClick={() => setPage(at + 1)}>
            Next prompts
          </Button>
        </div>
      )}
    </>
  );
}
