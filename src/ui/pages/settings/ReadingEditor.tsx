import type { Reading } from '../../../contract/spec.ts';
import { linesOf, notInPrompt, useFoundReadings, withReading } from '../../../state/setup/readings.ts';
import type { EditedReadings } from '../../../state/setup/settings.ts';
import { LinesField } from './LinesField.tsx';
import { type EditedOne, EditedPrompt, PromptEditor } from './PromptEditor.tsx';
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
      useFound={useFoundReadings}
      note={
        <>
          Found by a small grammar. One word or phrase a line, in the prompt’s own words; a word that is given
          again means its next occurrence.
        </>
      }
    >
      {(one) => (
        <PromptReading
          {...one}
          onReading={(reading) => onEdit(withReading(edited, one.prompt, reading, one.found))}
        />
      )}
    </PromptEditor>
  );
}

type PromptReadingProps = EditedOne<Reading> & { readonly onReading: (reading: Reading) => void };

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
