/** A survey pack in the making: from the open run, from several runs, or from folders of images. */
import { create } from 'zustand';
import type { ImageRef } from '../../contract/protocol.ts';
import { sameRef } from '../../contract/spec.ts';
import { decodePng, encodePng } from '../../formats/png.ts';
import { StudioError } from '../../lib/errors.ts';
import { bestByScores, fromFolders, oneOfEach, type PackDraft } from '../../survey/make.ts';
import {
  type Campaign,
  FORMAT,
  MAX_COLUMNS,
  MAX_QUESTIONS,
  PAPER_ROUNDS,
  parseManifest,
  type SurveyManifest,
} from '../../survey/manifest.ts';
import { writePack } from '../../survey/pack.ts';
import type { ModelFiles } from '../page/engine.ts';
import { engineClient } from '../page/engineClient.ts';
import { attempt } from '../page/notices.ts';
import { usePoolScores } from '../run/agreement.ts';
import { useGallery } from '../run/gallery.ts';
import { useRuns } from '../run/runs.ts';

/** Where images come from. */
export type MakerSource = 'run' | 'runs' | 'folders';
type Place = { readonly image: ImageRef } | { readonly file: Blob; readonly path: string };

type MakerState = {
  readonly source: MakerSource;
  /** Of folders; runs decide it themselves. */
  readonly folderCampaign: Campaign;
  readonly title: string;
  /** Null for the paper's number. */
  readonly rounds: number | null;
  readonly answersTo: string;
  /** Names of the scores whose favorites are shown. */
  readonly scores: readonly string[];
  /** Runs that are compared. */
  readonly runIds: readonly string[];
  readonly category: string;
  readonly files: ModelFiles;
  readonly draft: PackDraft<Place> | null;
  /** Share of the images that are packed; null while nothing is. */
  readonly packed: number | null;
};

export const useMaker = create<MakerState>()(() => ({
  source: 'run',
  folderCampaign: 'methods',
  title: 'Which images fit the prompt?',
  rounds: null,
  answersTo: '',
  scores: [],
  runIds: [],
  category: 'all',
  files: [],
  draft: null,
  packed: null,
}));
const { setState: set, getState: get } = useMaker;

/** Changes what is asked, and works out what the pack would hold. */
export async function changePack(change: Partial<MakerState>): Promise<void> {
  set({ ...change, draft: null });
  const asked = get();
  const draft = await attempt(() => draftOf(asked));
  // A later change has its own draft on the way.
  if (get() === asked) set({ draft });
}

async function draftOf(state: MakerState): Promise<PackDraft<Place> | null> {
  switch (state.source) {
    case 'run':
      return draftOfRun(state.scores);
    case 'runs':
      return draftOfRuns(state.runIds, state.category.trim() || 'all');
    case 'folders':
      return draftOfFolders(state.folderCampaign, state.files);
    default:
      return state.source satisfies never;
  }
}

function draftOfRun(names: readonly string[]): PackDraft<Place> | null {
  const { open } = useRuns.getState();
  const scores = usePoolScores.getState().scores.filter(({ name }) => names.includes(name));
  if (open === null || scores.length < 2) return null;
  const { round } = useGallery.getState();
  const draft = bestByScores(open.spec.prompts, scores);
  return withPlaces(draft, (at) => ({ image: { runId: open.summary.id, round, ...at } }));
}

/** One image of each run for every prompt that all of them have: the best that is kept, of the latest round. */
async function draftOfRuns(runIds: readonly string[], category: string): Promise<PackDraft<Place> | null> {
  if (runIds.length < 2) return null;
  const states = await Promise.all(runIds.map((runId) => engineClient().call('runState', { runId })));
  const [first] = states;
  const other = states.find(({ spec }) => first !== undefined && !sameRef(spec.model, first.spec.model));
  if (other !== undefined) {
    throw new StudioError(
      'survey-other-model',
      `“${other.summary.name}” was drawn by another model than the first run was.`,
      {
        remedy: 'Export the sets of both runs, and make the pack from their folders.',
      },
    );
  }
  const names = states.map(({ summary }) => summary.name);
  const methods = states.map(({ summary, spec, selections, candidates }, i) => {
    const { round, picks } = selections.at(-1) ?? { round: 0, picks: [] };
    const scoreOf = new Map(
      candidates.filter((c) => c.round === round).map((c) => [`${c.prompt}/${c.candidate}`, c.score]),
    );
    const score = (pick: { prompt: number; candidate: number }) =>
      scoreOf.get(`${pick.prompt}/${pick.candidate}`) ?? 0;
    const images = picks
      .toSorted((a, b) => a.prompt - b.prompt || score(b) - score(a))
      .map((pick) => ({
        text: spec.prompts[pick.prompt] ?? '',
        place: { image: { runId: summary.id, round, ...pick } },
      }));
    const repeated = names.indexOf(summary.name) !== i;
    return { name: repeated ? `${summary.name} ${i + 1}` : summary.name, category, images };
  });
  return oneOfEach<Place>('methods', methods);
}

function draftOfFolders(campaign: Campaign, files: ModelFiles): PackDraft<Place> | null {
  if (files.length === 0) return null;
  const byPath = new Map(files.map(({ path, file }) => [path, file]));
  return withPlaces(fromFolders(campaign, [...byPath.keys()]), (path) => ({
    path,
    file: byPath.get(path) as Blob,
  }));
}

function withPlaces<From>(draft: PackDraft<From>, place: (from: From) => Place): PackDraft<Place> {
  return { ...draft, sources: new Map([...draft.sources].map(([path, from]) => [path, place(from)])) };
}

/** Why there is no pack yet, as a sentence; null if there is one to make. */
export function whatIsMissing({ source, draft, scores, runIds, files, title }: MakerState): string | null {
  if (source === 'run' && scores.length < 2) return 'Choose at least two scores.';
  if (source === 'runs' && runIds.length < 2) return 'Choose at least two runs.';
  if (source === 'folders' && files.length === 0) return 'Choose a folder of images.';
  if (draft === null) return 'Looking at the images.';
  if (draft.columns.length < 2) return 'There is only one thing to compare.';
  if (draft.columns.length > MAX_COLUMNS[draft.campaign])
    return `At most ${MAX_COLUMNS[draft.campaign]} are compared in one survey; these are ${draft.columns.length}.`;
  if (draft.questions.length === 0) return 'No prompt has an image of each.';
  return title.trim() === '' ? 'Give the survey a title.' : null;
}

/** The pack as a file; null if it could not be made, which is told. */
export async function makePack(): Promise<{ readonly name: string; readonly blob: Blob } | null> {
  const state = get();
  const { draft } = state;
  if (draft === null) return null;
  set({ packed: 0 });
  const made = await attempt(async () => {
    const manifest = manifestOf(state, draft);
    let done = 0;
    const blob = await writePack(manifest, async (path) => {
      const png = await imageOf(draft.sources.get(path) as Place);
      done += 1;
      set({ packed: done / draft.sources.size });
      return png;
    });
    return { name: `survey-${manifest.campaign}.zip`, blob };
  });
  set({ packed: null });
  return made;
}

/** @throws StudioError as `parseManifest`: what is written can be read */
function manifestOf({ title, rounds, answersTo }: MakerState, draft: PackDraft<Place>): SurveyManifest {
  const { campaign, columns } = draft;
  const manifest: SurveyManifest = {
    format: FORMAT,
    campaign,
    title: title.trim(),
    columns,
    rounds: rounds ?? PAPER_ROUNDS[campaign],
    answersTo: answersTo.trim() === '' ? null : answersTo.trim(),
    questions: draft.questions.slice(0, MAX_QUESTIONS),
  };
  return parseManifest('The pack', JSON.stringify(manifest));
}

/** A fresh PNG of the pixels alone: settings inside the original would tell which method drew it. */
async function imageOf(place: Place): Promise<Uint8Array<ArrayBuffer>> {
  if ('file' in place) {
    const { rgb, width, height } = await decodePng(
      new Uint8Array(await place.file.arrayBuffer()),
      place.path,
    );
    return encodePng(rgb, width, height);
  }
  const { runId } = place.image;
  const [image] = await engineClient().call('images', { runId, refs: [place.image] });
  if (image === undefined) {
    throw new StudioError('images-missing', 'An image of the pack could not be drawn again.', {
      remedy: 'Open the run and look at its images, then try again.',
    });
  }
  const { width, height, rgba } = image;
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, j = 0; j < rgb.length; i += 4, j += 3) rgb.set(rgba.subarray(i, i + 3), j);
  return encodePng(rgb, width, height);
}
