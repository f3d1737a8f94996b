import { useState } from 'react';
import styles from './QuestionEditor.module.css';

type LinesFieldProps = {
  readonly label: string;
  /** Undefined until it is known. */
  readonly lines: readonly string[] | undefined;
  readonly disabled: boolean;
  readonly onText: (text: string) => void;
};

/** A list of words, one a line. */
export function LinesField({ label, lines, disabled, onText }: LinesFieldProps) {
  // What is being written may end in a new line, which is no word yet.
  const [draft, setDraft] = useState<string | null>(null);
  const text = draft ?? lines?.join('\n') ?? '';
  return (
    <textarea
      className={styles.phrases}
      aria-label={label}
      rows={Math.max(2, text.split('\n').length)}
      spellCheck={false}
      disabled={disabled}
      value={text}
      onChange={(event) => {
        setDraft(event.currentTarget.value);
        onText(event.currentTarget.value);
      }}
      onBlur={() => setDraft(null)}
    />
  );
}
