/**
 * Weight layouts. Checkpoints store linear weights `[out, in]` and convolutions `[Cout, Cin, kh, kw]`; our kernels read
 * `[in, out]` and `[kh, kw, Cin, Cout]`, so that neighboring threads read neighboring output channels.
 */

type Elements = Float32Array | Uint16Array;

/** `[out, in]` to `[in, out]`. Works on floats and on half bits. */
export function linearFromCheckpoint<T extends Elements>(data: T, shape: readonly [number, number]): T {
  const [rows, columns] = shape;
  const result = emptyLike(data);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = data[row * columns + column] as number;
    }
  }
  return result;
}

/** `[Cout, Cin, kh, kw]` to `[kh, kw, Cin, Cout]`. Works on floats and on half bits. */
export function convFromCheckpoint<T extends Elements>(
  data: T,
  shape: readonly [number, number, number, number],
): T {
  const [outChannels, inChannels, height, width] = shape;
  const area = height * width;
  const result = emptyLike(data);
  for (let out = 0; out < outChannels; out++) {
    for (let channel = 0; channel < inChannels; channel++) {
      for (let tap = 0; tap < area; tap++) {
        const source = (out * inChannels + channel) * area + tap;
        result[(tap * inChannels + channel) * outChannels + out] = data[source] as number;
      }
    }
  }
  return result;
}

function emptyLike<T extends Elements>(data: T): T {
  return (data instanceof Float32Array ? new Float32Array(data.length) : new Uint16Array(data.length)) as T;
}
