/**
 * How a model fails: shares of images in which the tasks of GenEval (Ghosh et al. 2023) succeed, on prompts of the shapes
 * world that ask for the same things, beside what Stable Diffusion 2.1 reaches there.
 */
import type { Witness } from './claims.ts';
import type { Placed } from './geometry.ts';
import { holds } from './relations.ts';
import type { Category, ObjectPhrase, ShapesPrompt } from './world.ts';

/** What of a found object the tasks look at. */
export type SeenObject = Pick<Witness, 'shape' | 'color'> & { readonly placed: Placed };

export type ProfiledImage = { readonly prompt: ShapesPrompt; readonly objects: readonly SeenObject[] };

export type ProfileTask = {
  readonly id: 'single' | 'both' | 'color' | 'binding' | 'position';
  /** What succeeds, in the words of a table. */
  readonly title: string;
  /** The prompts that ask for it. */
  readonly category: Extract<Category, 'single' | 'color' | 'spatial'>;
  /** SD-2.1 on GenEval: one figure, or the lowest and highest that are published. */
  readonly reference: readonly [number, number];
  succeeds(image: ProfiledImage): boolean;
};

/** How far from its reference a task may be for the model to fail as Stable Diffusion does. */
export const PROFILE_TOLERANCE = 0.1;

export const PROFILE_TASKS: readonly ProfileTask[] = [
  {
    id: 'single',
    title: 'the single object is there',
    category: 'single',
    reference: [0.98, 0.98],
    succeeds: hasAllShapes,
  },
  {
    id: 'both',
    title: 'both of two objects are there',
    category: 'color',
    reference: [0.51, 0.51],
    succeeds: hasAllShapes,
  },
  {
    id: 'color',
    title: 'the single object has its color',
    category: 'single',
    reference: [0.85, 0.85],
    succeeds: hasAllColors,
  },
  {
    id: 'binding',
    title: 'both are there, each with its color',
    category: 'color',
    reference: [0.17, 0.17],
    succeeds: hasAllColors,
  },
  {
    id: 'position',
    title: 'both are there, where they should be',
    category: 'spatial',
    reference: [0.07, 0.12],
    succeeds: hasPlaces,
  },
];

export type ProfileRow = {
  readonly task: ProfileTask;
  readonly images: number;
  readonly successes: number;
  readonly share: number;
  /** Whether the share is within the tolerance of the reference. */
  readonly near: boolean;
};

/** One row per task, over the images whose prompts ask for it. */
export function profileOf(images: ReadonlyMap<Category, readonly ProfiledImage[]>): readonly ProfileRow[] {
  return PROFILE_TASKS.map((task) => {
    const asked = images.get(task.category) ?? [];
    const successes = asked.filter((image) => task.succeeds(image)).length;
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
