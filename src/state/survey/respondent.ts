/** The survey that this browser is answering: opened from a link or a file, drawn at random, kept over a reload. */
import { create } from 'zustand';
import type { PixelImage } from '../../contract/events.ts';
import { blobSource, urlSource } from '../../lib/bytes.ts';
import { crc32 } from '../../lib/crc32.ts';
import { type ErrorReport, reportError } from '../../lib/errors.ts';
import {
  forgetSurvey,
  loadSurvey,
  type SurveyChosen,
  saveChosen,
  saveShown,
} from '../../storage/surveyProgress.ts';
import { answerFileName, answersOf, writeAnswers } from '../../survey/answers.ts';
import { countRounds, drawRounds, fitsManifest, type Round } from '../../survey/design.ts';
import { MANIFEST_NAME, parseManifest, type SurveyManifest } from '../../survey/manifest.ts';
import { openPack, pixelsOf, readImage, type SurveyPack } from '../../survey/pack.ts';
import { readAddress } from './link.ts';

type Phase =
  /** No pack, or one on another server that is contacted only once the respondent agrees. */
  'empty' | 'asking' | 'opening' | 'welcome' | 'checking' | 'rounds' | 'done';

type RespondentState = {
  readonly phase: Phase;
  /** The server that is about to be contacted. */
  readonly host: string | null;
  readonly manifest: SurveyManifest | null;
  readonly roundCount: number;
  readonly rounds: readonly Round[];
  readonly at: number;
  /** Selected places by round. */
  readonly selections: readonly ReadonlySet<number>[];
  /** Share of the images that are read and checked. */
  readonly checked: number;
  readonly fileName: string | null;
  /** True while progress is stored in this browser, so that a reload goes on. */
  readonly kept: boolean;
  readonly failure: ErrorReport | null;
};

const EMPTY: RespondentState = {
  phase: 'empty',
  host: null,
  manifest: null,
  roundCount: 0,
  rounds: [],
  at: 0,
  selections: [],
  checked: 0,
  fileName: null,
  kept: true,
  failure: null,
};

/** A pack that its server sends only as a whole has to fit into a phone. */
const MAX_WHOLE_BYTES = 256 * 2 ** 20;

export const useRespondent = create<RespondentState>()(() => EMPTY);
const { setState: set, getState: get } = useRespondent;

let pack: SurveyPack | null = null;
let images: ReadonlyMap<string, Uint8Array<ArrayBuffer>> = new Map();
/** Where the pack is from; progress is kept by link, and once for files. */
let source: { readonly link: string; readonly url: string | null } = { link: '', url: null };

/**
 * Goes on with the survey of a link where it was left, or shows what the link leads to.
 * @param link the address in the link; empty for the survey of a file
 */
export async function followLink(link: string): Promise<void> {
  set(EMPTY);
  pack = null;
  await guard('empty', async () => {
    const target = link === '' ? null : readAddress(link, location.href);
    source = { link, url: target?.url ?? null };
    if ((await resume()) || target === null) return;
    set({ host: target.host, phase: 'asking' });
    // A link contacts nobody but the server of this page.
    if (target.host === null) await contactServer();
  });
}

/** Fetches the directory of the pack that the link names. */
export async function contactServer(): Promise<void> {
  const { url } = source;
  if (url === null) return;
  await guard('asking', async () => {
    set({ phase: 'opening' });
    welcome(await openPack(await urlSource(url, { maxWholeBytes: MAX_WHOLE_BYTES })));
  });
}

/** Opens a pack that was dropped or chosen. A survey under way stays until the new one is started. */
export async function openPackFile(name: string, file: Blob): Promise<void> {
  await guard(get().phase, async () => {
    const opened = await openPack(blobSource(file, name));
    source = { link: '', url: null };
    set(EMPTY);
    welcome(opened);
  });
}

async function resume(): Promise<boolean> {
  // Where nothing can be stored, nothing has been.
  const stored = await loadSurvey(progressId()).catch(() => null);
  if (stored === null || stored.shown.link !== source.link) return false;
  const { shown, chosen } = stored;
  const manifest = parseManifest(MANIFEST_NAME, shown.manifest);
  if (!fitsManifest(manifest, shown.rounds) || chosen.at >= shown.rounds.length) return false;
  images = shown.images;
  set({
    manifest,
    rounds: shown.rounds,
    roundCount: shown.rounds.length,
    at: chosen.at,
    selections: shown.rounds.map((_, i) => new Set(chosen.selections[i])),
    fileName: chosen.fileName,
    phase: chosen.fileName === null ? 'rounds' : 'done',
  });
  return true;
}

function welcome(opened: SurveyPack): void {
  const { manifest } = opened;
  pack = opened;
  set({ manifest, roundCount: countRounds(manifest), phase: 'welcome' });
}

/** Draws the rounds, and reads and checks every image that they show before the first one. */
export async function startSurvey(): Promise<void> {
  const opened = pack;
  if (opened === null) return;
  await guard('welcome', async () => {
    set({ phase: 'checking', checked: 0 });
    const { manifest } = opened;
    const [seed = 0] = crypto.getRandomValues(new Uint32Array(1));
    const rounds = drawRounds(manifest, seed);
    const paths = new Set(
      rounds.flatMap(({ question }) => Object.values(manifest.questions[question]?.images ?? {})),
    );
    const read = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const path of paths) {
      read.set(path, await readImage(opened, path));
      set({ checked: read.size / paths.size });
    }
    images = read;
    set({ rounds, at: 0, selections: rounds.map(() => new Set<number>()), fileName: null, phase: 'rounds' });
    const shown = {
      version: 1 as const,
      link: source.link,
      manifest: JSON.stringify(manifest),
      rounds: rounds.map(({ question, order }) => ({ question, order: [...order] })),
      images: read,
    };
    await keep(() => saveShown(progressId(), shown, chosenNow()));
  });
}

/** Pixels of the round on show, in the order of its places. */
export async function roundPixels(at: number): Promise<readonly PixelImage[]> {
  const { manifest, rounds } = get();
  const round = rounds[at];
  const asked = manifest?.questions[round?.question ?? -1];
  if (manifest === null || round === undefined || asked === undefined) return [];
  return Promise.all(
    round.order.map(async (column) => {
      const path = asked.images[manifest.columns[column] ?? ''] ?? '';
      const { width, height, rgb } = await pixelsOf(images.get(path) ?? new Uint8Array(0), path);
      return { width, height, rgba: withAlpha(rgb) };
    }),
  );
}

export function toggle(place: number): void {
  const { at, rounds, selections, phase } = get();
  if (phase !== 'rounds' || place >= (rounds[at]?.order.length ?? 0)) return;
  const chosen = new Set(selections[at]);
  if (!chosen.delete(place)) chosen.add(place);
  set({ selections: selections.with(at, chosen) });
  void keep(() => saveChosen(progressId(), chosenNow()));
}

/** To the next round or the one before; past the last one the survey is done. */
export function goOn(step: 1 | -1): void {
  const { at, rounds, phase } = get();
  if (phase !== 'rounds' || at + step < 0) return;
  if (at + step < rounds.length) set({ at: at + step });
  else
    set({ phase: 'done', fileName: answerFileName(new Date(), Math.floor((performance.now() % 1) * 1000)) });
  void keep(() => saveChosen(progressId(), chosenNow()));
}

/** Back from the end to the last round. */
export function reopen(): void {
  set({ phase: 'rounds', fileName: null });
  void keep(() => saveChosen(progressId(), chosenNow()));
}

/** The answer file; null before the end. */
export function answerFile(): { readonly name: string; readonly text: string } | null {
  const { manifest, rounds, selections, fileName } = get();
  if (manifest === null || fileName === null) return null;
  return { name: fileName, text: writeAnswers(answersOf(manifest, rounds, selections)) };
}

/** Once the answers are out of this browser's hands, nothing of the survey stays in it. */
export async function forgetAnswers(): Promise<void> {
  await keep(() => forgetSurvey(progressId()));
}

/** Another survey of the same pack, with other rounds; the pack is opened again where only its images were kept. */
export async function startOver(): Promise<void> {
  await forgetAnswers();
  if (pack !== null) set({ phase: 'welcome', fileName: null, failure: null });
  else if (source.url !== null) await contactServer();
  else set(EMPTY);
}

function chosenNow(): SurveyChosen {
  const { at, selections, fileName } = get();
  return { at, selections: selections.map((places) => [...places].sort((a, b) => a - b)), fileName };
}

/** Storage may be full or forbidden; the survey goes on, and says that a reload would lose it. */
async function keep(write: () => Promise<void>): Promise<void> {
  try {
    await write();
    set({ kept: true });
  } catch {
    set({ kept: false });
  }
}

/** Shows what went wrong and goes back to a phase that can be left. */
async function guard(back: Phase, action: () => Promise<void>): Promise<void> {
  set({ failure: null });
  try {
    await action();
  } catch (error) {
    set({ phase: back, failure: reportError(error) });
  }
}

/** A checksum will do: the record says which link it belongs to. */
function progressId(): string {
  return source.link === '' ? 'file' : `link-${crc32(new TextEncoder().encode(source.link)).toString(16)}`;
}

function withAlpha(rgb: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray((rgb.length / 3) * 4).fill(255);
  for (let i = 0, j = 0; i < rgb.length; i += 3, j += 4) rgba.set(rgb.subarray(i, i + 3), j);
  return rgba;
}
