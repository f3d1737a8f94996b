import { StudioError } from '../../lib/errors.ts';

/** The error for a file that is no adapter of this model. */
export function invalidAdapter(file: string, problem: string): StudioError {
  return new StudioError(
    'adapter-invalid',
    `The adapter ${file} cannot be used with this model: ${problem}.`,
    {
      where: file,
      remedy: 'Choose an adapter that was made for this model, in diffusers, PEFT or kohya format.',
    },
  );
}

/** Tensors that are no part of what is read here, and what they are. */
const OTHER_KINDS: readonly (readonly [RegExp, string])[] = [
  [/\.hada_[wt]\d/, 'it is a LoHa; only LoRA, DoRA and weight differences are read'],
  [/\.lokr_[wt]\d/, 'it is a LoKr; only LoRA, DoRA and weight differences are read'],
  [/\.oft_|\.boft_/, 'it is an orthogonal adapter (OFT); only LoRA, DoRA and weight differences are read'],
  [/\.diff_b$/, 'it changes biases, and only weights can be adapted here'],
  [/^lora_te2_|^text_encoder_2\./, 'it adapts a second text encoder, so it was made for SDXL'],
  [/^lora_transformer_|^transformer\./, 'it adapts a diffusion transformer (SD3, Flux), not a UNet'],
];

/** @param keys that fit no layer of the model */
export function unknownTensors(file: string, keys: readonly string[]): StudioError {
  for (const [pattern, problem] of OTHER_KINDS) {
    const key = keys.find((name) => pattern.test(name));
    if (key !== undefined) return invalidAdapter(file, `${problem} (${key})`);
  }
  const count =
    keys.length === 1 ? 'a tensor that fits no layer' : `${keys.length} tensors that fit no layer`;
  return invalidAdapter(file, `it has ${count} of this model, such as ${keys[0]}`);
}
