// Around OWL-ViT: its configuration, what the numbers of patches mean, and which prompts the rule can judge.

import { describe, expect, test } from 'vitest';
import { parseOwlConfig } from '../../../src/metrics/owl/config.ts';
import { detectionsOf } from '../../../src/metrics/owl/detect.ts';
import { forRule } from '../../../src/metrics/spatial/coco.ts';
import { askedPlaces } from '../../../src/metrics/spatial/promptObjects.ts';
import { metricModel } from '../../../src/sources/metricModels.ts';
import manifests from '../../golden/metrics/manifests.json';

describe('the configuration', () => {
  test('is that of base/32 where it says nothing, as the one for transformers.js does', () => {
    const config = parseOwlConfig({ model_type: 'owlvit', text_config: { eos_token_id: 2 } }, 'config.json');
    expect(config.text).toMatchObject({ width: 512, layers: 12, heads: 8, maxTokens: 16, eosTokenId: 2 });
    expect(config.vision).toMatchObject({ width: 768, heads: 12, imageSize: 768, patchSize: 32 });
    expect(config.vision.activation).toBe('quick_gelu');
  });

  test('pools texts at the largest id whatever it says of the end token', () => {
    expect(parseOwlConfig({ text_config: { eos_token_id: 49407 } }, 'config.json').text.eosTokenId).toBe(2);
  });

  test.each([
    [{ model_type: 'owlv2' }, /model_type/],
    [{ projection_dim: 256 }, /512 channels cannot be compared with texts of 256/],
    [{ vision_config: { patch_size: 33 } }, /no multiple/],
  ])('is refused: %j', (json, message) => {
    expect(() => parseOwlConfig(json, 'config.json')).toThrow(message);
  });

  test('of the published file has the parameters that its entry says', () => {
    expect(metricModel('owlvit-b32')?.parameters).toBe(manifests.owlvit_b32.params);
  });
});

test('every patch gives its box under the text that names it best, the most confident first, in pixels', () => {
  const logits = Float32Array.from([-3, 1, 0, -1, -2, 2]);
  const boxes = Float32Array.from([0.5, 0.5, 0.2, 0.4, 0.25, 0.75, 0.5, 0.5, 0.1, 0.1, 0.2, 0.2]);
  const found = detectionsOf({ logits, boxes }, ['dog', 'cat'], { width: 200, height: 100 });
  expect(found.map(({ label }) => label)).toEqual(['cat', 'cat', 'dog']);
  expect(found.map(({ score }) => score.toFixed(6))).toEqual(['0.880797', '0.731059', '0.500000']);
  expect(found[0]?.box.map((x) => Math.round(x))).toEqual([0, 0, 40, 20]);
  expect(found[1]?.box.map((x) => Math.round(x))).toEqual([80, 30, 120, 70]);
  // The longer side goes to 480 pixels; what is not above the confidence does not count.
  const counted = forRule(found, { width: 200, height: 100 }, 0.5);
  expect(counted.map(({ label }) => label)).toEqual(['cat', 'cat']);
  expect(counted[0]?.box.map((x) => Math.round(x))).toEqual([0, 0, 96, 48]);
});

test.each([
  ['a red circle on the left of a blue square', ['circle', 'square'], 'on the left of', true],
  ['a dog near a cat', ['dog', 'cat'], 'near', false],
  ['a girl on the left of a train', ['girl', 'train'], 'on the left of', false],
])(
  '%s: objects and place, and whether the benchmark always gives 0',
  async (prompt, objects, locality, zero) => {
    expect(await askedPlaces(prompt)).toMatchObject({ objects, locality, alwaysZero: zero, complex: false });
  },
);

test.each(['a red circle and a blue square', 'near', ''])('nothing is asked of %j', async (prompt) => {
  expect(await askedPlaces(prompt)).toBeNull();
});
