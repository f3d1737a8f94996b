/** What the browser must offer before anything is loaded. */
import type { ErrorReport } from '../../lib/errors.ts';

type BrowserFeatures = {
  readonly worker: boolean;
  readonly webAssembly: boolean;
  readonly secure: boolean;
  /** Private file system of the address (OPFS). */
  readonly files: boolean;
};

export function browserFeatures(): BrowserFeatures {
  return {
    worker: 'Worker' in globalThis,
    webAssembly: 'WebAssembly' in globalThis,
    secure: globalThis.isSecureContext,
    files: typeof navigator.storage?.getDirectory === 'function',
  };
}

/** The one thing that is missing, or null. WebGPU is not required: without it the processor computes. */
export function missingFeature(features: BrowserFeatures): ErrorReport | null {
  if (!features.secure) {
    return {
      code: 'insecure-address',
      message: 'Browsers give pages no storage and no GPU on plain http addresses.',
      remedy: 'Open this page over https, or as http://localhost on the same machine.',
    };
  }
  if (!features.files) {
    return {
      code: 'no-file-storage',
      message: 'This browser has no private file system, where images and checkpoints of a run are kept.',
      remedy: 'Use a current Chrome, Edge, Firefox or Safari, in a normal window rather than a private one.',
    };
  }
  if (!features.worker || !features.webAssembly) {
    return {
      code: 'browser-too-old',
      message: 'This browser lacks workers or WebAssembly, which do the computing.',
      remedy: 'Use a current Chrome, Edge, Firefox or Safari.',
    };
  }
  return null;
}
