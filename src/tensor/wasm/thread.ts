/** A thread of the wasm backend: instantiates the kernels over the shared memory and works on calls of jobs. */
import { BUSY, FAILED, kernelsByName, OPEN, SIGNAL, type ThreadStart, takeCalls } from './threadProtocol.ts';

/** Looks at the signal before a thread goes to sleep: some 50 us, the time between two kernels of a network. */
const LOOKS = 20_000;

globalThis.onmessage = async ({ data: start }: MessageEvent<ThreadStart>) => {
  const { modules, memory, control } = start;
  const instances = Object.entries(modules).map(async ([form, module]) => {
    const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
    return [form, exports] as const;
  });
  const kernels = kernelsByName(await Promise.all(instances));
  let seen = Atomics.load(control, SIGNAL);
  for (;;) {
    let looks = LOOKS;
    while (Atomics.load(control, SIGNAL) === seen && looks > 0) looks--;
    if (looks === 0) Atomics.wait(control, SIGNAL, seen);
    seen = Atomics.load(control, SIGNAL);
    Atomics.add(control, BUSY, 1);
    try {
      if (Atomics.load(control, OPEN) === 1) takeCalls(kernels, start);
    } catch (error) {
      console.error(error);
      Atomics.store(control, FAILED, 1);
    }
    if (Atomics.sub(control, BUSY, 1) === 1) Atomics.notify(control, BUSY);
  }
};
