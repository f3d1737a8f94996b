import { InferenceSession, Tensor } from 'onnxruntime-web';
import { describe, expect, test } from 'vitest';
import { OnnxGraph } from '../../../tools/bench/onnxModel.ts';
import { Message } from '../../../tools/bench/protobufWriter.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('protocol buffers', () => {
  // The examples of https://protobuf.dev/programming-guides/encoding.
  test('follow the published examples', () => {
    expect(hex(new Message().integer(1, 150).encode())).toBe('089601');
    expect(hex(new Message().text(2, 'testing').encode())).toBe('120774657374696e67');
    expect(hex(new Message().message(3, new Message().integer(1, 150)).encode())).toBe('1a03089601');
    expect(hex(new Message().integer(1, -2).encode())).toBe('08feffffffffffffffff01');
  });

  test('write floats in four bytes, lowest first', () => {
    expect(hex(new Message().float(2, 1).encode())).toBe('150000803f');
  });
});

describe('ONNX models', () => {
  test('compute what their nodes say', { timeout: 60_000 }, async () => {
    const graph = new OnnxGraph('test', 20);
    const x = graph.input('x', [1, 2, 'width']);
    const weight = graph.floats(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]);
    const product = graph.node('MatMul', [x, weight]); // [1, 2, 2]
    const [low, high] = graph.nodes('Split', [product], { axis: -1, num_outputs: 2 }, 2) as [string, string];
    const scaled = graph.node('LeakyRelu', [low], { alpha: { float: 2 } });
    const turned = graph.node('Transpose', [graph.node('Add', [scaled, high])], { perm: [0, 2, 1] });
    graph.output(graph.node('Reshape', [turned, graph.integers([-1])]), [2]);

    const session = await InferenceSession.create(graph.encode());
    const input = new Tensor('float32', Float32Array.of(1, 0, -1, 0, 1, 0), [1, 2, 3]);
    const outputs = await session.run({ x: input });
    // Rows [1,0,-1] and [0,1,0] times the weight: [-4,-4] and [3,4]; then 2 * -4 - 4 and 3 + 4.
    const { data } = outputs[session.outputNames[0] as string] as Tensor;
    expect([...(data as Float32Array)]).toEqual([-12, 7]);
    await session.release();
  });
});
