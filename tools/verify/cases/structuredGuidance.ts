// Structured Diffusion Guidance: spans, contexts, one attention layer, the network, and whole runs in all three modes.

import * as v from 'valibot';
import { type DenoiseOptions, denoise } from '../../../src/diffusion/denoise.ts';
import { guideAndMeasure } from '../../../src/diffusion/guidance.ts';
import { sample } from '../../../src/diffusion/sample.ts';
import {
  overwritten,
  structuredContexts,
  valueContexts,
} from '../../../src/methods/code/structuredGuidance.ts';
import { runLinear } from '../../../src/models/layers.ts';
import { mixContext } from '../../../src/models/unet/blocks.ts';
import { unetInput } from '../../../src/models/unet/run.ts';
import { attentionSites } from '../../../src/models/unet/stages.ts';
import type { Attention } from '../../../src/models/unet/weights.ts';
import { findSpans, type Span } from '../../../src/prompts/align.ts';
import { scope, type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { openCase, schedulerOf, toleranceNamed } from '../methodCases.ts';
import type { OracleFiles } from '../oracle.ts';
import type { Report } from '../report.ts';
import { readImage, readTokens, take, takeImage } from '../tensors.ts';

const span = v.tuple([v.number(), v.number()]);
const schema = v.looseObject({
  unet: v.string(),
  io: v.string(),
  clip_tokens: v.array(v.string()),
  phrases: v.array(v.string()),
  spans: v.array(span),
  guidance_scale: v.number(),
  site: v.string(),
  sites_with_structured_attention: v.array(v.string()),
  cases: v.array(
    v.looseObject({
      t: v.number(),
      uncond: v.string(),
      sdg: v.string(),
      plain: v.string(),
      conjunction: v.string(),
    }),
  ),
  scheduler: v.string(),
  scheduler_config: v.unknown(),
  steps: v.number(),
  call_timesteps: v.array(v.number()),
});
const MODES = ['sdg', 'plain', 'conjunction'] as const;

export async function runStructuredGuidance(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const tolerance = (name: string) => toleranceNamed(entry, name);
  const { denoiser, file, dispose } = await openCase(io, asked.unet, asked.io);
  const { unet } = denoiser;
  // The first phrase is the whole prompt, which is not aligned.
  report.equal('spans', 'phrases', spansOf(asked.clip_tokens, asked.phrases.slice(1)), asked.spans.slice(1));

  const [uncond, cond] = [await readTokens(file, 'uncond_embeds'), await readTokens(file, 'prompt_embeds')];
  const phraseRows = await readTokens(file, 'phrase_embeds');
  const phrases = tf.unstack(phraseRows).map((row) => {
    const batch = tf.expandDims(row, 0) as Tensor3D;
    row.dispose();
    return batch;
  });
  const spans = asked.spans.slice(1);
  const contexts = valueContexts(cond, phrases, spans);
  const stacked = scope(() => tf.concat([...contexts]));
  report.close('contexts', 'values', await take(stacked), await file.readF32('value_contexts'), {});
  report.close(
    'contexts',
    'conjunction',
    await take(overwritten(cond, phrases, spans)),
    await file.readF32('conjunction.value_contexts'),
    {},
  );
  const mean = scope(() => tf.div(tf.addN([...contexts]), contexts.length));
  report.close(
    'contexts',
    'mean',
    await take(mean),
    await file.readF32('mean_value_context'),
    tolerance('mean_value_context'),
  );

  const made = {
    sdg: structuredContexts([uncond, cond], phrases, spans, 'mean'),
    plain: null,
    conjunction: structuredContexts([uncond, cond], phrases, spans, 'conjunction'),
  };
  const optionsOf = (mode: (typeof MODES)[number]): DenoiseOptions => {
    const hook = made[mode]?.hook;
    return hook === undefined ? {} : { hooks: { context: hook } };
  };
  const latents = await readImage(file, 'latents');
  const sites = attentionSites(unet.stages, [latents.shape[1], latents.shape[2]]);
  const cross = sites.filter(({ site }) => site.kind === 'cross').map(({ site }) => site.name);
  report.equal('site', 'layers', cross, asked.sites_with_structured_attention);
  await checkSite();

  for (const one of asked.cases) {
    for (const mode of MODES) {
      const [first, second] = await halves(
        denoise(denoiser, latents, one.t, [uncond, cond], optionsOf(mode)),
      );
      report.close(`t=${one.t}`, mode, second, await file.readF32(one[mode]), tolerance('unet'));
      report.close(`t=${one.t}`, `uncond, ${mode}`, first, await file.readF32(one.uncond), tolerance('unet'));
    }
  }

  const scheduler = schedulerOf(asked.scheduler, asked.scheduler_config, asked.steps);
  report.equal('run', 'timesteps', scheduler.timesteps, asked.call_timesteps);
  const after: Float32Array[] = [];
  for (const mode of MODES) {
    let call = 0;
    const seen: { zt: Tensor4D; outputs: Tensor4D; output: Tensor4D; next: Tensor4D }[] = [];
    const guide = guideAndMeasure(asked.guidance_scale);
    let outputs: Tensor4D | null = null;
    const run = await sample({
      denoiser,
      scheduler,
      contexts: [uncond, cond],
      noise: () => latents.clone(),
      combine: (input) => {
        outputs = tf.keep(input.outputs.clone());
        return guide(input);
      },
      onStep: ({ zt, output, next }) =>
        seen.push({
          zt: zt.clone(),
          outputs: outputs as Tensor4D,
          output: output.clone(),
          next: next.clone(),
        }),
      denoiseOptions: optionsOf(mode),
    });
    const final = await takeImage(run.latents);
    for (const { zt, outputs: both, output, next } of seen) {
      const id = `run call ${call}`;
      const [epsUncond, epsCond] = await halves(both);
      const [from, guided, to] = [await takeImage(zt), await takeImage(output), await takeImage(next)];
      if (mode === 'sdg') {
        report.close(
          id,
          'latents_in',
          from,
          await file.readF32(`run.c${call}.latents_in`),
          tolerance('run_latents'),
        );
        report.close(
          id,
          'eps_uncond',
          epsUncond,
          await file.readF32(`run.c${call}.eps_uncond`),
          tolerance('run_eps'),
        );
        report.close(
          id,
          'eps_cond',
          epsCond,
          await file.readF32(`run.c${call}.eps_cond`),
          tolerance('run_eps'),
        );
        report.close(id, 'guided', guided, await file.readF32(`run.c${call}.guided`), tolerance('run_eps'));
        after.push(to);
      }
      call++;
    }
    const other = { sdg: null, plain: 'run_plain.final', conjunction: 'run_conj.final' }[mode];
    if (other !== null)
      report.close('run', mode, final, await file.readF32(other), tolerance('run_other_finals'));
  }
  // PLMS's provisional sample after its first call is not among the steps.
  const steps = after.slice(after.length - asked.steps).flatMap((values) => [...values]);
  report.close(
    'run',
    'latents after each step',
    steps,
    await file.readF32('run.latents_after_step'),
    tolerance('run_latents'),
  );

  for (const structured of [made.sdg, made.conjunction]) structured.dispose();
  tf.dispose([uncond, cond, phraseRows, phrases, contexts as Tensor3D[], latents]);
  dispose();

  async function checkSite(): Promise<void> {
    const { site } = sites.find((s) => s.site.name === asked.site) ?? {};
    const layer = unet.stages.flatMap((stage) => stage.attention).find(({ name }) => name === asked.site);
    if (site === undefined || layer === undefined)
      return report.fail('site', asked.site, 'the network has no such layer');
    const x = await readTokens(file, 'site.input');
    const both = tf.concat([uncond, cond]) as Tensor3D;
    for (const mode of MODES) {
      const input = unetInput(unet, 1, both, optionsOf(mode).hooks ?? {});
      const out = scope(() => attentionLayer(layer, x, site.resolution, input));
      report.close('site', mode, await take(out), await file.readF32(`site.out.${mode}`), tolerance('site'));
      input.temb?.dispose();
    }
    tf.dispose([x, both]);
  }
}

function attentionLayer(
  layer: Attention,
  x: Tensor3D,
  resolution: readonly [number, number],
  input: ReturnType<typeof unetInput>,
): Tensor3D {
  const q = runLinear(layer.toQ, x) as Tensor3D;
  return runLinear(layer.toOut, mixContext(layer, q, resolution, input)) as Tensor3D;
}

/** Spans of phrases among tokens whose words end in `</w>`; CLIP splits at marks. */
function spansOf(tokens: readonly string[], phrases: readonly string[]): readonly (Span | null)[] {
  const words: string[][] = [[]];
  for (const token of tokens) {
    (words.at(-1) as string[]).push(token);
    if (token.endsWith('</w>')) words.push([]);
  }
  const ofWord = new Map(words.map((pieces) => [pieces.join('').replace('</w>', ''), pieces]));
  const parts = phrases.map((phrase) =>
    (phrase.match(/'s|\p{L}+|[^\s\p{L}]+/gu) ?? []).flatMap((word) => ofWord.get(word) ?? [word]),
  );
  return findSpans(tokens, parts);
}

/** The unconditional and the conditional half of outputs, in PyTorch's layout; consumes them. */
async function halves(outputs: Tensor4D): Promise<[Float32Array, Float32Array]> {
  const values = await takeImage(outputs);
  return [values.subarray(0, values.length / 2), values.subarray(values.length / 2)];
}
