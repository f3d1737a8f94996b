import { useRef } from 'react';
import { attempt } from '../../../state/page/notices.ts';
import { openPromptFiles } from '../../../state/setup/dropped.ts';
import { chooseExample, setPromptText, usePrompts } from '../../../state/setup/prompts.ts';
import { formatPlural } from '../../format.ts';
import { Choice } from '../../primitives/Choice.tsx';
import { FilePicker } from '../../primitives/FilePicker.tsx';
import styles from './PromptEditor.module.css';
import { PromptFindings } from './PromptFindings.tsx';

/** The prompt list as text with line numbers: typed, pasted, dropped, opened or taken from an example. */
export function PromptEditor() {
  const { fileName, text, list, failure, example, examples } = usePrompts();
  const gutter = useRef<HTMLPreElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  // The button that was pressed goes away with the empty list.
  const offer = (file: string) => void chooseExample(file).then(() => field.current?.focus());
  const lines = text === '' ? 1 : text.split('\n').length;
  const offering = text === '' && examples.length > 0;
  const badLine = lineOf(failure?.where);
  return (
    <section className={styles.prompts} aria-labelledby="prompts-title">
      <div className={styles.head}>
        <h2 id="prompts-title">Prompts</h2>
        <p className={styles.count}>
          {list === null
            ? 'One per line, or .csv, .jsonl'
            : `${formatPlural(list.prompts.length, 'prompt')} in ${fileName}`}
        </p>
      </div>
      <div className={styles.editor} data-invalid={failure !== null}>
        <pre ref={gutter} className={styles.gutter} aria-hidden="true">
          {Array.from({ length: lines }, (_, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a line is its number
            <span key={i} data-bad={i + 1 === badLine}>{`${i + 1}\n`}</span>
          ))}
        </pre>
        <textarea
          ref={field}
          className={styles.text}
          aria-label="Prompt list"
          aria-describedby="prompt-findings"
          aria-invalid={failure !== null}
          placeholder={'a red circle above a blue square\na small green star and a big white ring'}
          spellCheck={false}
          wrap="off"
          value={text}
          onChange={(event) => setPromptText(event.currentTarget.value)}
          onScroll={(event) => gutter.current?.scrollTo({ top: event.currentTarget.scrollTop })}
        />
        {offering ? (
          <div className={styles.offers}>
            <p className={styles.count}>Or begin with an example</p>
            <ul>
              {examples.map(({ file, title, summary }) => (
                <li key={file}>
                  <button type="button" className={styles.offer} onClick={() => offer(file)}>
                    {title}
                  </button>
                  {summary === undefined ? null : <span className={styles.count}>{summary}</span>}
                </li>
              ))}
            </ul>
          </div>
        ) : null}
      </div>
      <div id="prompt-findings">
        <PromptFindings list={list} failure={failure} />
      </div>
      <div className={styles.sources}>
        <FilePicker
          label="Prompt list file"
          text="Choose file"
          accept=".txt,.csv,.jsonl,.ndjson"
          multiple
          onFiles={(files) => void attempt(() => openPromptFiles(files))}
        />
        {offering || examples.length === 0 ? null : (
          <div className={styles.examples}>
            <Choice
              label="Example list"
              value={example}
              placeholder="Use an example list"
              options={examples.map(({ file, title, summary }) => ({
                value: file,
                label: title,
                ...(summary === undefined ? {} : { help: summary }),
              }))}
              onChange={(file) => void chooseExample(file)}
            />
          </div>
        )}
        <span className={styles.hint}>or drop a file anywhere on this page</span>
      </div>
    </section>
  );
}

function lineOf(where: string | undefined): number | null {
  const match = /line (\d+)/.exec(where ?? '');
  return match === null ? null : Number(match[1]);
}
