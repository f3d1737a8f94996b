// Between the index's layouts (NCHW, PyTorch) and the app's (NHWC), and from tensors to numbers.

import type { SafetensorsFile } from '../../src/formats/safetensors.ts';
import { type Tensor, type Tensor3D, type Tensor4D, tf } from '../../src/tensor/tf.ts';

/** An NCHW tensor of the file, brought to the backend as NHWC. */
export async function readImage(file: SafetensorsFile, name: string): Promise<Tensor4D> {
  const data = await file.readF32(name);
  const shape = shapeOf(file, name) as [number, number, number, number];
  return tf.tidy(() => tf.transpose(tf.tensor4d(data, shape), [0, 2, 3, 1]));
}

/** A [batch, tokens, channels] tensor of the file. */
export async function readTokens(file: SafetensorsFile, name: string): Promise<Tensor3D> {
  return tf.tensor3d(await file.readF32(name), shapeOf(file, name) as [number, number, number]);
}

/** A tensor of the file, as it is. */
export async function readTensor(file: SafetensorsFile, name: string): Promise<Tensor> {
  return tf.tensor(await file.readF32(name), [...shapeOf(file, name)]);
}

/** Values of an NHWC tensor in NCHW order; disposes the tensor. */
export async function takeImage(x: Tensor4D): Promise<Float32Array> {
  const nchw = tf.transpose(x, [0, 3, 1, 2]);
  x.dispose();
  return take(nchw);
}

/** Values of a tensor; disposes it. */
export async function take(x: Tensor): Promise<Float32Array> {
  const values = (await x.data()) as Float32Array;
  x.dispose();
  return values;
}

/** Values of a tensor that a network is about to dispose. */
export async function takeCopy(x: Tensor): Promise<Float32Array> {
  return take(tf.keep(x.clone()));
}

/** Shape of a tensor in the file. */
export function shapeOf(file: SafetensorsFile, name: string): readonly number[] {
  const entry = file.entries.get(name);
  if (entry === undefined) throw new Error(`${file.name} has no tensor ${name}`);
  return entry.shape;
}

/** The tolerance for an inner activation: relative to its largest value where that is above 1. */
export function scaled(atol: number, values: Float32Array): number {
  return (
    atol *
    Math.max(
      1,
      values.reduce((max, x) => Math.max(max, Math.abs(x)), 0),
    )
  );
}
