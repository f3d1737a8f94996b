/** Images drawn while training went on, a checked file each. */
import * as v from 'valibot';
import type { Preview } from '../contract/events.ts';
import { decodeSealed, encodeSealed } from '../formats/sealed.ts';
import type { ErrorReport } from '../lib/errors.ts';
import type { Files } from './backing.ts';
import { checkId } from './paths.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const schema = v.object({
  version: count,
  round: count,
  step: count,
  prompt: v.string(),
  width: count,
  height: count,
  rgba: v.instance(Uint8Array<ArrayBuffer>),
});

/** What made an image of training; the names of the files begin with it. */
type MadeBy = Pick<Preview, 'version' | 'round'>;
type Numbered = Pick<Preview, 'version' | 'round' | 'step'>;

const NAME = /^(\d+)-(\d+)-\d+\.bin$/;
/** Most that are read back at once. */
const MAX_LOADED = 240;

export async function savePreview(
  files: Files,
  runId: string,
  { image, ...preview }: Preview,
): Promise<void> {
  const { width, height, rgba } = image;
  const bytes = new Uint8Array(rgba.buffer, rgba.byteOffset, rgba.byteLength);
  await files.writeBytes(pathOf(runId, preview), encodeSealed({ ...preview, width, height, rgba: bytes }));
}

/** The last of those that are wanted, in the order of their steps; damaged ones are left out, and the run says so. */
export async function loadPreviews(
  files: Files,
  runId: string,
  isWanted: (madeBy: MadeBy) => boolean,
  warn: (reports: readonly ErrorReport[]) => Promise<void>,
): Promise<Preview[]> {
  const previews: Preview[] = [];
  let damaged = 0;
  const wanted = (await files.listFiles(folderOf(runId))).filter(({ path }) => {
    const [, version, round] = NAME.exec(path) ?? [];
    return version !== undefined && isWanted({ version: Number(version), round: Number(round) });
  });
  for (const { path } of wanted.slice(-MAX_LOADED)) {
    const preview = await readPreview(files, `${folderOf(runId)}/${path}`);
    if (preview === null) damaged++;
    else previews.push(preview);
  }
  if (damaged > 0) await warn([previewsDamaged(folderOf(runId), damaged)]);
  return previews;
}

/** True if it is stored and intact. */
export async function hasPreview(files: Files, runId: string, of: Numbered): Promise<boolean> {
  return (await readPreview(files, pathOf(runId, of))) !== null;
}

async function readPreview(files: Files, path: string): Promise<Preview | null> {
  const bytes = await files.readBytes(path);
  const read = v.safeParse(schema, bytes === null ? undefined : decodeSealed(bytes));
  if (!read.success) return null;
  const { width, height, rgba, ...preview } = read.output;
  if (rgba.byteLength !== 4 * width * height) return null;
  return { ...preview, image: { width, height, rgba: new Uint8ClampedArray(rgba.buffer) } };
}

function pathOf(runId: string, { version, round, step }: Numbered): string {
  const name = [version, round, step].map((n) => String(n).padStart(6, '0')).join('-');
  return `${folderOf(runId)}/${name}.bin`;
}

function previewsDamaged(where: string, count: number): ErrorReport {
  return {
    code: 'preview-damaged',
    message: `${count === 1 ? 'One image' : `${count} images`} drawn while training went on ${count === 1 ? 'was' : 'were'} damaged and left out.`,
    remedy: 'Nothing to do: nothing else is made from them. If it happens again, check the disk.',
    where,
  };
}

function folderOf(runId: string): string {
  return `runs/${checkId(runId)}/previews`;
}
