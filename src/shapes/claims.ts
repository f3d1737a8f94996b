/** The atomic claims of a prompt, and which of them hold for a set of objects. */
import type { Placed } from './geometry.ts';
import { holds } from './relations.ts';
import {
  type Color,
  type ObjectPhrase,
  type Scene,
  type Shape,
  type ShapesPrompt,
  SIZE_BOUNDARY,
  type Size,
  type Texture,
} from './world.ts';

/** An object that claims are checked against: found in an image, or known from a scene. */
export type Witness = {
  readonly shape: Shape | null;
  readonly color: Color;
  readonly texture: Texture;
  readonly size: Size;
  readonly placed: Placed;
};

export type Verdict = { readonly claim: string; readonly holds: boolean };

/** The objects of a scene as witnesses. */
export function witnessesOf(scene: Scene): Witness[] {
  return scene.objects.map((object) => ({
    shape: object.shape,
    color: object.color,
    texture: object.texture,
    size: object.radius < SIZE_BOUNDARY ? 'small' : 'big',
    placed: object,
  }));
}

const ATTRIBUTES = ['color', 'texture', 'size'] as const;

function objectVerdicts(phrase: ObjectPhrase, witness: Witness | undefined, name: string): Verdict[] {
  const verdicts = [{ claim: name, holds: witness?.shape === phrase.shape }];
  for (const attribute of ATTRIBUTES) {
    const said = phrase[attribute];
    if (said !== null) verdicts.push({ claim: `${name} is ${said}`, holds: witness?.[attribute] === said });
  }
  return verdicts;
}

function verdictsFor(prompt: ShapesPrompt, chosen: readonly (Witness | undefined)[]): Verdict[] {
  const name = (index: number): string => {
    const shape = prompt.objects[index]?.shape ?? '';
    const same = prompt.objects.filter((phrase) => phrase.shape === shape).length > 1;
    return same ? `${shape} ${index + 1}` : shape;
  };
  const verdicts = prompt.objects.flatMap((phrase, i) => objectVerdicts(phrase, chosen[i], name(i)));
  for (const link of prompt.relations) {
    const subject = chosen[link.subject];
    const object = chosen[link.object];
    verdicts.push({
      claim: `${name(link.subject)} ${link.relation} ${name(link.object)}`,
      holds:
        subject !== undefined && object !== undefined && holds(link.relation, subject.placed, object.placed),
    });
  }
  return verdicts;
}

/** Every way to give each phrase its own witness, or none. */
function assignments(phrases: number, witnesses: readonly Witness[]): (Witness | undefined)[][] {
  if (phrases === 0) return [[]];
  return assignments(phrases - 1, witnesses).flatMap((chosen) => {
    const free = witnesses.filter((witness) => !chosen.includes(witness));
    return [undefined, ...free].map((witness) => [...chosen, witness]);
  });
}

/**
 * Checks the claims under the assignment of phrases to objects by which most of them hold. Objects that the prompt
 * does not mention do not count against it.
 */
export function judge(prompt: ShapesPrompt, witnesses: readonly Witness[]): Verdict[] {
  let best: Verdict[] = [];
  let most = -1;
  for (const chosen of assignments(prompt.objects.length, witnesses)) {
    const verdicts = verdictsFor(prompt, chosen);
    const count = verdicts.filter((verdict) => verdict.holds).length;
    if (count > most) {
      most = count;
      best = verdicts;
    }
  }
  return best;
}
