// A PyTorch process that benchmarks in the browser can be compared with.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from '../lib/dependencies.mjs';

export type TorchInputs = {
  readonly zt: readonly number[];
  readonly ztShape: readonly number[];
  readonly context: readonly number[];
  readonly contextShape: readonly number[];
  readonly t: number;
};

/** What runs, or why nothing does. */
type TorchInfo =
  | { readonly version: string; readonly threads: number; readonly simd: string }
  | { readonly missing: string };

const SCRIPT = join(ROOT, 'tools', 'bench', 'torchUnet.py');
const UNET = join(ROOT, 'public', 'models', 'shapes', 'unet');
/** The system's Python is asked first: packages of the distribution are not seen by others. */
const INTERPRETERS = ['/usr/bin/python3', 'python3'];

export type TorchDevice = 'cpu' | 'cuda';

/** Milliseconds of the UNet of SD-2.1 by precision and batch; on a CPU float32 and a small image alone. */
export type TorchTimes = {
  readonly latents: number;
  readonly times: readonly { readonly precision: string; readonly batch: number; readonly ms: number }[];
};

/** Runs the shapes model's UNet, on the CPU with one thread. Start it with `open`, end it with `close`. */
export class TorchProcess {
  #child: ChildProcess | null = null;
  #answers: AsyncIterator<string> | null = null;

  async open(device: TorchDevice): Promise<TorchInfo> {
    let missing = '';
    for (const interpreter of INTERPRETERS) {
      const child = spawn(interpreter, [SCRIPT], { stdio: ['pipe', 'pipe', 'pipe'] });
      let errors = '';
      child.stderr.on('data', (text: Buffer) => (errors += text));
      child.on('error', (error) => (errors += error.message));
      // A pipe to a process that has ended breaks; its end is told below.
      child.stdin.on('error', () => undefined);
      this.#child = child;
      this.#answers = createInterface(child.stdout)[Symbol.asyncIterator]();
      try {
        return await this.#ask<TorchInfo>({ unet: UNET, device });
      } catch {
        missing = errors.trim().split('\n').at(-1) ?? '';
      }
    }
    this.#child = null;
    return { missing };
  }

  /** Keeps inputs for `time`. @returns the network's output, NCHW */
  async prepare(inputs: TorchInputs): Promise<readonly number[]> {
    return (await this.#ask<{ output: readonly number[] }>(inputs)).output;
  }

  /** Milliseconds of one forward. */
  async time(): Promise<number> {
    return (await this.#ask<{ ms: number }>({ time: true })).ms;
  }

  /** Times the UNet of Stable Diffusion 2.1 with random weights. */
  timeStableDiffusion(config: object): Promise<TorchTimes> {
    return this.#ask<TorchTimes>({ sd: config });
  }

  close(): void {
    this.#child?.stdin?.end();
  }

  async #ask<T>(request: object): Promise<T> {
    this.#child?.stdin?.write(`${JSON.stringify(request)}\n`);
    const line = await this.#answers?.next();
    if (line === undefined || line.done) throw new Error('The PyTorch process has ended.');
    return JSON.parse(line.value) as T;
  }
}
