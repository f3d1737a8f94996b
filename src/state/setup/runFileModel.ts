/** Whether the model that is loaded has the bytes of the one that a run file was made with. */
import { type ModelRef, sameRef } from '../../contract/spec.ts';
import { useEngine } from '../page/engine.ts';
import { engineClient } from '../page/engineClient.ts';
import { raiseAlert } from '../page/notices.ts';
import { otherFile } from './runFile.ts';

type Expected = {
  readonly file: string;
  readonly ref: ModelRef;
  readonly hashes: Readonly<Record<string, string>>;
};

/** What the last run file that was opened says; null once that was compared. */
let expected: Expected | null = null;

/** Keeps what a run file says of its model until that is loaded, which it may be by now. */
export async function expectModel(
  file: string,
  ref: ModelRef,
  hashes: Readonly<Record<string, string>>,
): Promise<void> {
  expected = Object.keys(hashes).length === 0 ? null : { file, ref, hashes };
  await compareWithRunFile();
}

/** Says so where the loaded model is not the one of the run file. Nothing while that model is not loaded. */
export async function compareWithRunFile(): Promise<void> {
  const { model } = useEngine.getState();
  if (expected === null || model === null || !sameRef(model.ref, expected.ref)) return;
  const { file, hashes } = expected;
  expected = null;
  const path = otherFile(hashes, await engineClient().call('modelHashes', { runId: null }));
  if (path === null) return;
  raiseAlert(
    {
      code: 'run-file-other-model',
      message: `${file} was made with another model: ${path} has other bytes.`,
      where: path,
      remedy: 'The run can be started anyway, but its images and numbers will differ.',
    },
    'warning',
  );
}
