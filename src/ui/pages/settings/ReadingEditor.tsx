import type { Reading } from '../../../contract/spec.ts';
import { linesOf, notInPrompt, useFoundReadings, withReading } from '../../../state/setup/readings.ts';
import type { EditedReadings } from '../../../state/setup/settings.ts';
import { LinesField } from './LinesField.tsx';
import { EditedPrompt, PromptEditor } from './PromptEditor.tsx';
import styles from './QuestionEditor.module.css';

type ReadingEditorProps = {
  readonly prompts: readonly string[];
  readonly edited: EditedReadings;
  readonly onEdit: (edited: EditedReadings) => void;
};

/** Objects and noun phrases of every prompt, each to be changed. */
export function ReadingEditor({ prompts, edited, onEdit }: ReadingEditorProps) {
  return (
    <PromptEditor
      prompts={prompts}
      edited={edited}
      note={
        <>
          Found by a small grammar. One word or phrase a line, in the prompt’s own words; a word that is given
          again means its next occurrence.
        </>
      }
    >
      {(shown) => <ReadingList shown={shown} edited={edited} onEdit={onEdit} />}
    </PromptEditor>
  );
}

type ReadingListProps = Pick<ReadingEditorProps, 'edited' | 'onEdit'> & { readonly shown: readonly string[] };

function ReadingList({ shown, edited, onEdit }: ReadingListProps) {
  const found = useFoundReadings(shown);
  return (
    <ul className={styles.list}>
      {shown.map((prompt) => (
        <PromptReading
          key={prompt}
          prompt={prompt}
          found={found.get(prompt)}
          edited={edited[prompt]}
          onReading={(reading) => onEdit(withReading(edited, prompt, reading, found.get(prompt)))}
        />
      ))}
    </ul>
  );
}

type PromptReadingProps = {
  readonly prompt: string;
  /** Undefined until the grammar has read the prompt. */
  readonly found: Reading | undefined;
  readonly edited: Reading | undefined;
  readonly onReading: (reading: Reading) => void;
};

function PromptReading({ prompt, found, edited, onReading }: PromptReadingProps) {
  const reading = edited ?? found ?? { objects: [], phrases: [] };
  const lost = notInPrompt(prompt, [...reading.objects, ...reading.phrases]);
  return (
    <EditedPrompt
      prompt={prompt}
      found={found}
      edited={edited}
      restore="Take what was found"
      onRestore={onReading}
    >
      <div className={styles.fields}>
        <div>
          <span className={styles.note} aria-hidden="true">
            Objects
          </span>
          <LinesField
            label={`Objects: ${prompt}`}
            lines={reading.objects}
            disabled={found === undefined}
            onText={(text) => onReading({ ...reading, objects: linesOf(text) })}
          />
        </div>
        <div>
          <span className={styles.note} aria-hidden="true">
            Noun phrases
          </span>
          <LinesField
            label={`Noun phrases: ${prompt}`}
            lines={reading.phrases}
            disabled={found === undefined}
            onText={(text) => onReading({ ...reading, phrases: linesOf(text) })}
          />
        </div>
      </div>
      {lost.length === 0 ? null : (
        <p className={styles.note}>Not in the prompt, and without effect: {lost.join(', ')}.</p>
      )}
    </EditedPrompt>
  );
}
