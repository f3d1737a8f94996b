import { Fragment, type ReactNode, useMemo, useState } from 'react';
import { formatCount } from '../../format.ts';
import { Button } from '../../primitives/Button.tsx';
import styles from './QuestionEditor.module.css';

const PER_PAGE = 10;

/** A prompt of an editor. */
export type EditedOne<T> = {
  readonly prompt: string;
  /** Undefined until the prompt was read. */
  readonly found: T | undefined;
  /** Undefined where nothing was changed. */
  readonly edited: T | undefined;
};

type PromptListProps<T> = {
  readonly prompts: readonly string[];
  /** What was changed, by prompt. */
  readonly edited: Readonly<Record<string, T>>;
  /** What is found in prompts; a prompt is absent until it was read. */
  readonly useFound: (prompts: readonly string[]) => ReadonlyMap<string, T>;
  readonly children: (one: EditedOne<T>) => ReactNode;
};

type PromptEditorProps<T> = PromptListProps<T> & {
  /** What is edited and how; how many prompts were changed is said behind it. */
  readonly note: ReactNode;
};

/** Something of every prompt, to be changed: each prompt once, a page at a time. */
export function PromptEditor<T>({ prompts, note, ...list }: PromptEditorProps<T>) {
  const distinct = useMemo(() => [...new Set(prompts)], [prompts]);
  const changed = distinct.filter((prompt) => prompt in list.edited).length;
  if (distinct.length === 0) return <p className={styles.note}>There are no prompts yet.</p>;
  return (
    <div className={styles.editor}>
      <p className={styles.note}>
        {note}{' '}
        {changed === 0
          ? null
          : `Changed for ${formatCount(changed)} of ${formatCount(distinct.length)} prompts.`}
      </p>
      <PromptPages prompts={distinct} {...list} />
    </div>
  );
}

/** A long list of prompts, a page at a time. */
function PromptPages<T>({ prompts, edited, useFound, children }: PromptListProps<T>) {
  const [page, setPage] = useState(0);
  const pages = Math.max(1, Math.ceil(prompts.length / PER_PAGE));
  const at = Math.min(page, pages - 1);
  const shown = useMemo(() => prompts.slice(at * PER_PAGE, (at + 1) * PER_PAGE), [prompts, at]);
  const found = useFound(shown);
  return (
    <>
      <ul className={styles.list}>
        {shown.map((prompt) => (
          <Fragment key={prompt}>
            {children({ prompt, found: found.get(prompt), edited: edited[prompt] })}
          </Fragment>
        ))}
      </ul>
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

type EditedPromptProps<T> = EditedOne<T> & {
  /** On the button that takes back what was changed. */
  readonly restore: string;
  readonly onRestore: (found: T) => void;
  readonly children: ReactNode;
};

/** One prompt of an editor: its text, its fields, and the way back to what was found in it. */
export function EditedPrompt<T>({
  prompt,
  found,
  edited,
  restore,
  onRestore,
  children,
}: EditedPromptProps<T>) {
  return (
    <li className={styles.prompt} data-changed={edited !== undefined}>
      <p className={styles.text}>{prompt}</p>
      {children}
      {edited === undefined || found === undefined ? null : (
        <Button look="quiet" aria-label={`${restore}: ${prompt}`} onClick={() => onRestore(found)}>
          {restore}
        </Button>
      )}
    </li>
  );
}
