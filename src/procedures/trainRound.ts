/** Algorithm 1, second half: fine-tune the adapter on the selected images. */
import { type Adapter, adapterParameters, initAdapter, type Target } from '../adapters/adapter.ts';
import { textAdapterTargets, unetAdapterTargets } from '../adapters/targets.ts';
import { VALIDATION } from '../contract/judging.ts';
import type { OptimizerOptions } from '../contract/spec.ts';
import {
  type Checkpoint,
  type CheckpointOrigin,
  restoreCheckpoint,
  saveCheckpoint,
} from '../training/checkpoint.ts';
import { disposeOptimizer, startOptimizer } from '../training/optimizer.ts';
import { type StepResult, type TrainContext, type TrainState, trainStep } from '../training/trainStep.ts';
import { type CaptionedLatent, errorsByDraw, meanMi, measureSet, middleTimesteps } from './measureSet.ts';
import type { Session } from './session.ts';
import { type OwnState, type StepSource, setSource } from './stepSource.ts';
import { plainTuning, type TrainItem, type Tuning } from './trainItems.ts';
import { borrowAdapter, type Tuned } from './tuned.ts';

export type RoundOptions = OptimizerOptions & {
  readonly kind: 'lora' | 'dora';
  readonly rank: number;
  readonly textEncoder: boolean;
  readonly iterations: number;
  readonly checkpointEvery: number;
  readonly previewEvery: number;
  readonly seed: number;
  readonly origin: CheckpointOrigin;
  /** Equation 1 where absent. */
  readonly tuning?: Tuning | undefined;
  /** Where micro-batches come from; the set where absent. */
  readonly source?: ((from: OwnState | null) => Promise<StepSource>) | undefined;
  readonly signal?: AbortSignal | undefined;
};

export type RoundEvent =
  | {
      readonly type: 'step';
      readonly step: number;
      readonly result: Pick<StepResult, 'loss' | 'gradNorm' | 'learningRate'>;
      /** The state after this step, to be kept against a crash; null where a checkpoint follows at once. */
      readonly save: (() => Promise<Checkpoint>) | null;
    }
  /** `errors` per common noise draw, `mi` of the held-out images; null where nothing is held out. */
  | {
      readonly type: 'checkpoint';
      readonly checkpoint: Checkpoint;
      readonly validation: { readonly errors: readonly number[]; readonly mi: number } | null;
    }
  /** The consumer may draw images with the adapter as it stands; it must not dispose it. */
  | { readonly type: 'preview'; readonly step: number; readonly tuned: Tuned };

const VALIDATION_SEED = 0x76616c;

/** Layers a run trains: the UNet's attention, and the text encoder's in the joint variant. */
export function trainedTargets(session: Session, textEncoder: boolean): readonly Target[] {
  const unet = unetAdapterTargets(session.model.unet);
  return textEncoder ? [...unet, ...textAdapterTargets(session.model.text)] : unet;
}

/**
 * Trains from `start` (a checkpoint, an adapter of the round before, or null for a fresh one) and yields what happens.
 * A text encoder that is trained must be held. Stopping between two yields and going on from the last checkpoint gives
 * the same bits on the same backend.
 *
 * @throws StudioError `loss-not-finite`, after which the last yielded checkpoint is the one to go on from
 */
export async function* trainRound(
  session: Session,
  set: readonly TrainItem[],
  heldOut: readonly CaptionedLatent[],
  start: Start,
  options: RoundOptions,
): AsyncGenerator<RoundEvent> {
  const { objective, textRate } = options.tuning ?? plainTuning;
  const targets = trainedTargets(session, options.textEncoder);
  let state = startState(start, targets, options);
  const context: TrainContext = {
    unet: session.model.unet,
    text: session.model.text,
    schedule: session.schedule,
    prediction: session.prediction,
    loss: objective.loss,
    withReference: objective.reference,
    mode: session.policy.sweep,
    textRate,
  };
  const source = await (options.source?.(isCheckpoint(start) ? (start.own ?? null) : null) ??
    setSource(session, set, options));
  const save = async (): Promise<Checkpoint> => saveCheckpoint(state, options.origin, await source.save?.());
  const validate = (adapter: Adapter): ReturnType<typeof validation> =>
    validation(session, adapter, heldOut, options);
  try {
    if (!isCheckpoint(start)) {
      yield {
        type: 'checkpoint',
        checkpoint: await save(),
        validation: await validate(state.adapter),
      };
    }
    // Where it stopped before, perhaps between the step and its image.
    if (isPreviewed(state, options)) yield* preview(state);
    while (state.optimizer.step < options.iterations) {
      options.signal?.throwIfAborted();
      const { step } = state.optimizer;
      const result = await trainStep(context, state, source.batches(step, state.adapter), options);
      state = result.state;
      const done = step + 1;
      const checkpointFollows = done % options.checkpointEvery === 0 || done === options.iterations;
      yield { type: 'step', step: done, result, save: checkpointFollows ? null : save };
      if (checkpointFollows) {
        yield {
          type: 'checkpoint',
          checkpoint: await save(),
          validation: await validate(state.adapter),
        };
      }
      if (isPreviewed(state, options)) yield* preview(state);
    }
  } finally {
    source.dispose?.();
    disposeOptimizer(state.optimizer);
  }
}

type Start = Checkpoint | { readonly adapter: Adapter } | null;

function isCheckpoint(start: Start): start is Checkpoint {
  return start !== null && 'version' in start;
}

function startState(start: Start, targets: readonly Target[], options: RoundOptions): TrainState {
  if (isCheckpoint(start)) return restoreCheckpoint(start, targets);
  const adapter =
    start === null ? initAdapter(options.kind, options.rank, targets, options.seed) : start.adapter;
  return { adapter, optimizer: startOptimizer(adapterParameters(adapter).map((p) => p.tensor)) };
}

function isPreviewed({ optimizer }: TrainState, { previewEvery }: RoundOptions): boolean {
  return previewEvery > 0 && optimizer.step % previewEvery === 0;
}

async function* preview(state: TrainState): AsyncGenerator<RoundEvent> {
  const tuned = borrowAdapter(state.adapter);
  try {
    yield { type: 'preview', step: state.optimizer.step, tuned };
  } finally {
    tuned.dispose();
  }
}

async function validation(
  session: Session,
  adapter: Adapter,
  heldOut: readonly CaptionedLatent[],
  options: RoundOptions,
): Promise<{ errors: readonly number[]; mi: number } | null> {
  if (heldOut.length === 0) return null;
  const tuned = borrowAdapter(adapter);
  try {
    const measured = await measureSet(session, tuned, heldOut.slice(0, VALIDATION.images), {
      grid: middleTimesteps(session.schedule.T, VALIDATION.timesteps),
      draws: VALIDATION.draws,
      seed: VALIDATION_SEED,
      batch: options.batch,
    });
    const size = heldOut[0]?.latent.length as number;
    return {
      errors: errorsByDraw(measured, size),
      mi: meanMi(session, measured, { weights: 'code', truncation: -1 }),
    };
  } finally {
    tuned.dispose();
  }
}
