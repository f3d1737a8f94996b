// GPU devices that run out of memory when a test says so, in a worker that imports this first. What a browser does then: a
// buffer that cannot be used, and an error that nobody may have asked for; where the buffer is to be written to at
// once, it throws.

/** Name of the broadcast channel: the number of buffers that fail from now on. */
const SHORTAGES = 'test: no memory';

const LARGE_BYTES = 1024;

let failing = 0;
const message = 'Out of memory, says the test';
/** Errors by scope, innermost last; null for scopes of other kinds. */
const scopes = new WeakMap<GPUDevice, ({ error: GPUError | null } | null)[]>();

const { createBuffer, pushErrorScope, popErrorScope } = GPUDevice.prototype;

GPUDevice.prototype.createBuffer = function (descriptor) {
  if (failing === 0 || descriptor.size < LARGE_BYTES) return createBuffer.call(this, descriptor);
  failing--;
  if (descriptor.mappedAtCreation) throw new RangeError(message);
  const error = new GPUOutOfMemoryError(message);
  const asked = (scopes.get(this) ?? []).findLast((scope) => scope !== null);
  if (asked === undefined || asked === null)
    queueMicrotask(() => this.dispatchEvent(new GPUUncapturedErrorEvent('uncapturederror', { error })));
  else asked.error ??= error;
  const buffer = createBuffer.call(this, descriptor);
  buffer.destroy();
  return buffer;
};

GPUDevice.prototype.pushErrorScope = function (filter) {
  const open = scopes.get(this) ?? [];
  scopes.set(this, [...open, filter === 'out-of-memory' ? { error: null } : null]);
  pushErrorScope.call(this, filter);
};

GPUDevice.prototype.popErrorScope = async function () {
  const error = scopes.get(this)?.pop()?.error ?? null;
  return (await popErrorScope.call(this)) ?? error;
};

new BroadcastChannel(SHORTAGES).onmessage = ({ data }: MessageEvent<number>) => {
  failing = data;
};
