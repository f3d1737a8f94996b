/** Networks of metrics that a user chose from files, stored as if they had been downloaded. */
import { openSafetensors } from '../formats/safetensors.ts';
import { openTorchFile } from '../formats/torchFile.ts';
import { blobSource } from '../lib/bytes.ts';
import { StudioError } from '../lib/errors.ts';
import { type MetricModel, metricModel, metricModelId } from '../sources/metricModels.ts';
import { type ImportedFile, type ImportOptions, importFolder } from './importFiles.ts';
import { modelKey } from './keys.ts';
import type { StoredModel } from './modelManifest.ts';
import { modelFolder, UNKNOWN, withModelLock } from './modelStore.ts';

const SAFETENSORS = /\.safetensors$/i;
const PICKLE = /\.(pt|pth|bin)$/i;

/**
 * Copies the weights, whatever they are called, and the texts that the metric's model has.
 * @throws StudioError `model-unknown`, `model-file-missing`, `model-ambiguous`, and as the readers of weights and `importFolder`
 */
export async function importMetricModel(
  metricId: string,
  files: readonly ImportedFile[],
  options: ImportOptions,
): Promise<StoredModel> {
  const model = metricModel(metricId);
  if (model === null || model.base !== null) {
    throw new StudioError('model-unknown', `There is no metric’s model called ${metricId}.`, {
      where: metricId,
      remedy: 'Choose one from the list.',
    });
  }
  const chosen = await chooseFiles(model, files);
  const id = metricModelId(metricId);
  const stored: StoredModel = {
    version: 1,
    id,
    name: model.name,
    files: chosen.map(({ path, file }) => ({ path, sizeBytes: file.size, ...UNKNOWN })),
    skipped: [],
    sizeBytes: chosen.reduce((sum, { file }) => sum + file.size, 0),
    importedAt: Date.now(),
    complete: false,
    layout: 'metric',
    prediction: null,
    predictionGuessed: false,
    source: { kind: 'metric', id: metricId },
    place: 'files on this computer',
    license: model.license,
  };
  const place = { key: modelKey(id), folder: modelFolder(id) };
  return withModelLock(id, () => importFolder({ ...place, manifest: stored, files: chosen }, options));
}

/** One file of weights, read up to its list of tensors, and every text. */
async function chooseFiles(model: MetricModel, files: readonly ImportedFile[]): Promise<ImportedFile[]> {
  const nameOf = (path: string): string => path.split('/').at(-1) as string;
  const weights = files.filter(({ path }) => SAFETENSORS.test(path) || PICKLE.test(path));
  const [only, second] = weights;
  if (second !== undefined) {
    throw new StudioError('model-ambiguous', `There are ${weights.length} files of weights.`, {
      where: second.path,
      remedy: 'Choose one file of weights with the texts that belong to it.',
    });
  }
  const findText = (text: string): ImportedFile | undefined =>
    files.find(({ path }) => nameOf(path) === text);
  const isSafetensors = only === undefined || SAFETENSORS.test(only.path);
  const texts = model.files
    .map(({ path }) => path)
    .filter((path) => !SAFETENSORS.test(path) && !PICKLE.test(path))
    // Programs that write pickles, as OpenAI's, have no config: the shapes of their tensors say the same.
    .filter((path) => path !== 'config.json' || isSafetensors || findText(path) !== undefined);
  const found = texts.map(findText);
  const missing = [
    ...(only === undefined ? ['weights (.safetensors, .pt, .pth or .bin)'] : []),
    ...texts.filter((_, i) => found[i] === undefined),
  ];
  if (only === undefined || missing.length > 0) {
    throw new StudioError('model-file-missing', `${model.name} needs ${missing.join(', ')}.`, {
      where: missing[0] ?? '',
      remedy: 'Choose all of its files together.',
    });
  }
  const source = blobSource(only.file, nameOf(only.path));
  await (isSafetensors ? openSafetensors(source) : openTorchFile(source));
  return [
    { path: isSafetensors ? 'model.safetensors' : 'model.pt', file: only.file },
    ...texts.map((path, i) => ({ path, file: (found[i] as ImportedFile).file })),
  ];
}
