/**
 * How a model fails: shares of images in which the tasks of GenEval succeed, on prompts of the shapes world that ask for
 * the same things, beside what Stable Diffusion 2.1 reaches there.
 */
import { PROFILE_TASKS, type ProfileTask } from '../contract/profile.ts';
import type { Witness } from './claims.ts';
import type { Placed } from './geometry.ts';
import { holds } from './relations.ts';
import type { Category, ObjectPhrase, ShapesPrompt } from './world.ts';

/** What of a found object the tasks look at. */
export type SeenObject = Pick<Witness, 'shape' | 'color'> & { readonly placed: Placed };

export type ProfiledImage = { readonly prompt: ShapesPrompt; readonly objects: readonly SeenObject[] };

type Asked = {
  /** The prompts that ask for it. */
  readonly category: Extract<Category, 'single' | 'color' | 'spatial'>;
  succeeds(image: ProfiledImage): boolean;
};

/** How far from its reference a task may be for the model to fail as Stable Diffusion does. */
const PROFILE_TOLERANCE = 0.1;

export const ASKED_BY_TASK: Readonly<Record<ProfileTask, Asked>> = {
  single: { category: 'single', succeeds: hasAllShapes },
  both: { category: 'color', succeeds: hasAllShapes },
  color: { category: 'single', succeeds: hasAllColors },
  binding: { category: 'color', succeeds: hasAllColors },
  position: { category: 'spatial', succeeds: hasPlaces },
};

export type ProfileRow = {
  readonly task: (typeof PROFILE_TASKS)[number];
  readonly images: number;
  readonly successes: number;
  readonly share: number;
  /** Whether the share is within the tolerance of the reference. */
  readonly near: boolean;
};

/** One row per task, over the images whose prompts ask for it. */
export function profileOf(images: ReadonlyMap<Category, readonly ProfiledImage[]>): readonly ProfileRow[] {
  return PROFILE_TASKS.map((task) => {
    const { category, succeeds } = ASKED_BY_TASK[task.id];
    const asked = images.get(category) ?? [];
    const successes = asked.filter(succeeds).length;
    const share = successes / asked.length;
    const [low, high] = task.reference;
    const near = share >= low - PROFILE_TOLERANCE && share <= high + PROFILE_TOLERANCE;
    return { task, images: asked.length, successes, share, near };
  });
}

/** An object of the named shape; prompts of the profile name no shape twice. */
function ofShape({ objects }: ProfiledImage, phrase: ObjectPhrase): readonly SeenObject[] {
  return objects.filter(({ shape }) => shape === phrase.shape);
}

function hasAllShapes(image: ProfiledImage): boolean {
  return image.prompt.objects.every((phrase) => ofShape(image, phrase).length > 0);
}

function hasAllColors(image: ProfiledImage): boolean {
  return image.prompt.objects.every((phrase) =>
    ofShape(image, phrase).some(({ color }) => phrase.color === null || color === phrase.color),
  );
}

function hasPlaces(image: ProfiledImage): boolean {
  return image.prompt.relations.every(({ relation, subject, object }) => {
    const [a, b] = [image.prompt.objects[subject], image.prompt.objects[object]];
    if (a === undefined || b === undefined) return false;
    return ofShape(image, a).some((first) =>
      ofShape(image, b).some((second) => holds(relation, first.placed, second.placed)),
    );
  });
}
