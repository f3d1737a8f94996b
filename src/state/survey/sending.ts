/** Sends the answers of a survey to the address that its pack names, when the respondent asks for it. */
import { create } from 'zustand';
import { type ErrorReport, reportError, StudioError } from '../../lib/errors.ts';
import { answerFile, forgetAnswers, useRespondent } from './respondent.ts';

type SendingState = { readonly state: 'no' | 'sending' | 'yes'; readonly failure: ErrorReport | null };

export const useSending = create<SendingState>()(() => ({ state: 'no', failure: null }));

const TIMEOUT_MS = 60_000;

/** Posts the answer file as the form field `answers`, with neither cookies nor the address of this page. */
export async function sendAnswers(): Promise<void> {
  const { manifest } = useRespondent.getState();
  const file = answerFile();
  const url = manifest?.answersTo;
  if (file === null || !url) return;
  useSending.setState({ state: 'sending', failure: null });
  try {
    const body = new FormData();
    body.append('answers', new File([file.text], file.name, { type: 'text/csv' }));
    await post(url, body);
    useSending.setState({ state: 'yes', failure: null });
    await forgetAnswers();
  } catch (error) {
    useSending.setState({ state: 'no', failure: reportError(error) });
  }
}

export function resetSending(): void {
  useSending.setState({ state: 'no', failure: null });
}

async function post(url: string, body: FormData): Promise<void> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      body,
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (cause) {
    throw new StudioError('answers-unsent', `${new URL(url).host} did not say that it has the answers.`, {
      remedy: 'They may have arrived or not. Download them as a file, and send that to whoever asked you.',
      where: url,
      cause,
    });
  }
  if (response.ok) return;
  throw new StudioError(
    'answers-refused',
    `${new URL(url).host} refused the answers (status ${response.status}).`,
    {
      remedy: 'Try again later, or download them as a file and send that to whoever asked you.',
      where: url,
    },
  );
}
