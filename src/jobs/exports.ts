/** What a run hands out beside its adapter: the selected images as an ImageFolder zip. */
import { makeZip } from 'client-zip';
import { sha256 } from 'hash-wasm';
import type { CandidateRecord, PixelImage } from '../contract/events.ts';
import type { NamedBytes, RunState } from '../contract/runTypes.ts';
import type { MiTuneSpec } from '../contract/spec.ts';
import { writeImageFolder } from '../formats/imageFolder.ts';
import { encodePng } from '../formats/png.ts';
import { PARAMETERS_KEYWORD, STUDIO_KEYWORD, withPngText } from '../formats/pngText.ts';
import { StudioError } from '../lib/errors.ts';
import { toRgb } from '../metrics/exactMeter.ts';
import { decodeImages } from '../procedures/decodeImages.ts';
import type { Session } from '../procedures/session.ts';
import type { RunStore } from '../storage/runStore.ts';
import { pathGuidance } from './runContext.ts';

/** Decoded images of stored candidates, in the order asked for. @throws StudioError `images-missing` */
export async function storedImages(
  session: Session,
  store: RunStore,
  refs: readonly { readonly round: number; readonly prompt: number; readonly candidate: number }[],
): Promise<readonly PixelImage[]> {
  const images = new Map<(typeof refs)[number], PixelImage>();
  // A round at a time: while a run works, each wait for a file may last as long as one of the run's steps.
  for (const round of new Set(refs.map((ref) => ref.round))) {
    const inRound = refs.filter((ref) => ref.round === round);
    const lease = await store.pools.leaseStored(round);
    if (lease === null) throw imagesMissing();
    try {
      const latents = inRound.map((ref) => lease.log.latents([ref]));
      for (const [i, image] of (await decodeImages(session, latents)).entries())
        images.set(inRound[i] as (typeof refs)[number], image);
    } finally {
      lease.close();
    }
  }
  return refs.map((ref) => images.get(ref) as PixelImage);
}

export function imagesMissing(): StudioError {
  return new StudioError('images-missing', 'These images are not stored yet.', {
    remedy: 'Build the set first.',
  });
}

/**
 * The selected images of a round: `images/*.png` with their settings in the metadata, and `metadata.jsonl`.
 * @throws StudioError `selection-missing`
 */
export async function exportSet(
  session: Session,
  store: RunStore,
  state: RunState,
  round: number,
): Promise<NamedBytes> {
  const picks = state.selections.find((s) => s.round === round)?.picks ?? [];
  if (picks.length === 0) {
    throw new StudioError('selection-missing', 'Nothing is selected yet.', {
      remedy: 'Build the set and select images first.',
    });
  }
  const byKey = new Map(
    state.candidates.filter((c) => c.round === round).map((c) => [`${c.prompt}/${c.candidate}`, c]),
  );
  const rows: { fileName: string; text: string; extra: Record<string, string | number | boolean> }[] = [];
  const heldOut = new Set(state.heldOut);
  const release = await session.model.parts.vae.hold();
  async function* files(): AsyncGenerator<{ name: string; input: Uint8Array<ArrayBuffer> | string }> {
    for (const pick of picks) {
      const record = byKey.get(`${pick.prompt}/${pick.candidate}`);
      if (record === undefined) continue;
      const text = state.spec.prompts[record.prompt] as string;
      const fileName = `images/${candidateImageName(record)}`;
      const [image] = await storedImages(session, store, [{ round, ...pick }]);
      yield { name: fileName, input: await annotatedPng(image as PixelImage, state.spec, text, record) };
      rows.push({
        fileName,
        text,
        extra: {
          seed: record.seed,
          candidate: record.candidate,
          score: record.score,
          held_out: heldOut.has(record.prompt),
        },
      });
    }
    yield { name: 'metadata.jsonl', input: writeImageFolder(rows) };
  }
  const bytes = new Uint8Array(await new Response(makeZip(files())).arrayBuffer().finally(release));
  return { name: `mi-tune-set-round-${round + 1}.zip`, bytes };
}

/** PNG with the settings in the way A1111 writes them, and in full as JSON. */
async function annotatedPng(
  image: PixelImage,
  spec: MiTuneSpec,
  prompt: string,
  record: CandidateRecord,
): Promise<Uint8Array<ArrayBuffer>> {
  const png = await encodePng(toRgb(image), image.width, image.height);
  const { scheduler, steps } = spec.sampling;
  const guidance = pathGuidance(spec);
  const size = `${image.width}x${image.height}`;
  const parameters = `${prompt}\nSteps: ${steps}, Sampler: ${scheduler}, CFG scale: ${guidance}, Seed: ${record.seed}, Size: ${size}`;
  const settings = {
    prompt,
    seed: record.seed,
    round: record.round,
    candidate: record.candidate,
    score: record.score,
    sampling: spec.sampling,
    scoring: spec.score,
    model: spec.model,
  };
  return withPngText(
    png,
    { [PARAMETERS_KEYWORD]: parameters, [STUDIO_KEYWORD]: JSON.stringify(settings) },
    'image.png',
  );
}

/**
 * What an image of the pool is recognized by: SHA-256 of its file in a downloaded set, and of its pixels as RGB bytes,
 * which stay the same when another program has rewritten the file.
 * @throws StudioError `images-missing`
 */
export async function candidateHashes(
  session: Session,
  store: RunStore,
  state: RunState,
  ref: { readonly round: number; readonly prompt: number; readonly candidate: number },
): Promise<readonly string[]> {
  const { round, prompt, candidate } = ref;
  const record = state.candidates.find(
    (c) => c.round === round && c.prompt === prompt && c.candidate === candidate,
  );
  if (record === undefined) throw imagesMissing();
  const [image] = (await storedImages(session, store, [ref])) as [PixelImage];
  const file = await annotatedPng(image, state.spec, state.spec.prompts[prompt] as string, record);
  return [await sha256(file), await sha256(toRgb(image))];
}

/** What an image is called in a downloaded set. */
export function candidateImageName({
  prompt,
  candidate,
}: Pick<CandidateRecord, 'prompt' | 'candidate'>): string {
  return `${pad(prompt, 6)}_${pad(candidate, 4)}.png`;
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}
