// CLIP text encoder: all hidden states, both ways to take the embedding, the pooled output.

import * as v from 'valibot';
import { encodeText, hiddenStates, pooled } from '../../../src/models/text/run.ts';
import { loadText } from '../models.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';
import { take } from '../tensors.ts';

const schema = v.looseObject({
  config: v.string(),
  weights: v.string(),
  io: v.string(),
  cases: v.array(v.looseObject({ id: v.string(), input_ids: v.array(v.array(v.number())) })),
});

export async function runClipText(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const tolerance = tolerancesOf(entry, ['atol'], ['rtol']);
  const { model: text, dispose } = await loadText(io, asked);
  const file = await io.safetensors(asked.io);
  try {
    for (const { id, input_ids: ids } of asked.cases) {
      const check = async (quantity: string, values: Float32Array): Promise<void> => {
        if (!file.entries.has(`${id}.${quantity}`)) return;
        report.close(id, quantity, values, await file.readF32(`${id}.${quantity}`), tolerance);
      };
      const last = encodeText(text, ids, { output: 'last' });
      await check('pooler_output', await take(pooled(text, last, ids)));
      await check('last_hidden_state', await take(last));
      await check('penultimate_final_ln', await take(encodeText(text, ids, { output: 'penultimate' })));
      const states = hiddenStates(text, ids);
      for (const [k, state] of states.entries()) {
        const values = await take(state);
        await check(`hidden_states.${k}`, values);
        if (k === states.length - 2) await check('penultimate', values);
      }
    }
  } finally {
    dispose();
  }
}
