/** Where models come from, as plain data: it crosses to the engine and is stored with what was downloaded. */

export const HUB_NAMES = ['huggingface'] as const;
export type HubName = (typeof HUB_NAMES)[number];

/** A model as the user named it. */
export type ModelSource =
  /** An entry of `CATALOG`, fetched from the first of its repositories that answers. */
  | { readonly kind: 'catalog'; readonly id: string }
  | {
      readonly kind: 'hub';
      readonly hub: HubName;
      /** `owner/name`. */
      readonly repository: string;
      /** Branch, tag or commit. */
      readonly revision: string;
      /** Path of a single-file checkpoint in the repository, or of the folder that the model lies in; '' for the root. */
      readonly path: string;
    }
  /** The network of a metric, an entry of `METRIC_MODELS`. */
  | { readonly kind: 'metric'; readonly id: string }
  /** A folder in diffusers layout (ends with `/`) or a single-file checkpoint, at any address. */
  | { readonly kind: 'url'; readonly url: string };

export type License = {
  readonly name: string;
  /** Full text, to be read before the download. */
  readonly url: string;
  /** One or two sentences; empty where only the name is known. */
  readonly summary: string;
};

/** What a download would bring, found out before its first large byte. */
export type DownloadPlan = {
  /** The model's identifier once stored: `{ kind: 'local', id }`. The same source always gives the same one. */
  readonly id: string;
  readonly name: string;
  readonly source: ModelSource;
  /** Where the files come from, e.g. `huggingface.co/Manojb/stable-diffusion-2-1-base`: the mirror that answered. */
  readonly place: string;
  readonly files: readonly { readonly path: string; readonly sizeBytes: number }[];
  readonly sizeBytes: number;
  /** Bytes of it that are here already. */
  readonly storedBytes: number;
  /** Null where the browser does not tell. */
  readonly freeBytes: number | null;
  /** Null where the source names none: ask on its page. */
  readonly license: License | null;
  /** Sentences to show beside it, e.g. that mirrors were passed over and why. */
  readonly notes: readonly string[];
};
