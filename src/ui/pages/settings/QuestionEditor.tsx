import type { EditedPhrases } from '../../../contract/spec.ts';
import { MAX_QUESTIONS, questionOf } from '../../../metrics/blip/questions.ts';
import { phrasesOf, useFoundPhrases, withPhrases } from '../../../state/setup/questions.ts';
import { LinesField } from './LinesField.tsx';
import { type EditedOne, EditedPrompt, PromptEditor } from './PromptEditor.tsx';
import styles from './QuestionEditor.module.css';

type QuestionEditorProps = {
  readonly prompts: readonly string[];
  readonly edited: EditedPhrases;
  readonly onEdit: (edited: EditedPhrases) => void;
};

/** The noun phrases that are asked about, prompt by prompt, each to be changed. */
export function QuestionEditor({ prompts, edited, onEdit }: QuestionEditorProps) {
  return (
    <PromptEditor
      prompts={prompts}
      edited={edited}
      useFound={useFoundPhrases}
      note={
        <>
          One phrase a line, at most {MAX_QUESTIONS}: each is asked as “{questionOf('a red cup')}” of every
          picture of its prompt. Numbers keep the questions that gave them.
        </>
      }
    >
      {(one) => (
        <PromptQuestions
          {...one}
          onPhrases={(phrases) => onEdit(withPhrases(edited, one.prompt, phrases, one.found))}
        />
      )}
    </PromptEditor>
  );
}

type PromptQuestionsProps = EditedOne<readonly string[]> & {
  readonly onPhrases: (phrases: readonly string[]) => void;
};

function PromptQuestions({ prompt, found, edited, onPhrases }: PromptQuestionsProps) {
  const phrases = edited ?? found;
  return (
    <EditedPrompt
      prompt={prompt}
      found={found}
      edited={edited}
      restore="Ask what was found"
      onRestore={onPhrases}
    >
      <LinesField
        label={`Phrases asked about: ${prompt}`}
        lines={phrases}
        disabled={found === undefined}
        onText={(text) => onPhrases(phrasesOf(text))}
      />
      {phrases?.length === 0 ? <p className={styles.note}>Nothing is asked: the score is 1.</p> : null}
    </EditedPrompt>
  );
}
