// Single-file checkpoints as the LDM code names them, made from networks in diffusers layout. Names are made the way the
// LDM code builds its modules, block by block, and not by turning the reader's rules around.

/** A tensor of the checkpoint and the diffusers tensors that it is made of, one below the other. */
export type LdmName = { readonly name: string; readonly from: readonly string[] };

type LdmShape = { readonly levels: number; readonly layersPerBlock: number };

type Pair = readonly [ldm: string, diffusers: string];

const RESNET: readonly Pair[] = [
  ['in_layers.0', 'norm1'],
  ['in_layers.2', 'conv1'],
  ['emb_layers.1', 'time_emb_proj'],
  ['out_layers.0', 'norm2'],
  ['out_layers.3', 'conv2'],
  ['skip_connection', 'conv_shortcut'],
];

/** openaimodel.py, UNetModel.__init__ */
export function ldmUnetNames(diffusers: readonly string[], { levels, layersPerBlock }: LdmShape): LdmName[] {
  const modules: Pair[] = [
    ['time_embed.0', 'time_embedding.linear_1'],
    ['time_embed.2', 'time_embedding.linear_2'],
    ['input_blocks.0.0', 'conv_in'],
    ['middle_block.1', 'mid_block.attentions.0'],
    ['out.0', 'conv_norm_out'],
    ['out.2', 'conv_out'],
  ];
  const resnet = (ldm: string, path: string): void => {
    for (const [inner, name] of RESNET) modules.push([`${ldm}.${inner}`, `${path}.${name}`]);
  };
  resnet('middle_block.0', 'mid_block.resnets.0');
  resnet('middle_block.2', 'mid_block.resnets.1');
  let block = 1;
  for (let level = 0; level < levels; level++) {
    for (let layer = 0; layer < layersPerBlock; layer++, block++) {
      resnet(`input_blocks.${block}.0`, `down_blocks.${level}.resnets.${layer}`);
      modules.push([`input_blocks.${block}.1`, `down_blocks.${level}.attentions.${layer}`]);
    }
    if (level < levels - 1)
      modules.push([`input_blocks.${block++}.0.op`, `down_blocks.${level}.downsamplers.0.conv`]);
  }
  block = 0;
  for (let step = 0; step < levels; step++) {
    const attends = diffusers.some((name) => name.startsWith(`up_blocks.${step}.attentions.`));
    for (let layer = 0; layer <= layersPerBlock; layer++, block++) {
      resnet(`output_blocks.${block}.0`, `up_blocks.${step}.resnets.${layer}`);
      modules.push([`output_blocks.${block}.1`, `up_blocks.${step}.attentions.${layer}`]);
      if (layer === layersPerBlock && step < levels - 1)
        modules.push([
          `output_blocks.${block}.${attends ? 2 : 1}.conv`,
          `up_blocks.${step}.upsamplers.0.conv`,
        ]);
    }
  }
  return named('model.diffusion_model.', modules, diffusers);
}

/** model.py, Encoder.__init__ and Decoder.__init__ */
export function ldmVaeNames(diffusers: readonly string[], { levels, layersPerBlock }: LdmShape): LdmName[] {
  const modules: Pair[] = [
    ['quant_conv', 'quant_conv'],
    ['post_quant_conv', 'post_quant_conv'],
  ];
  for (const coder of ['encoder', 'decoder']) {
    modules.push(
      [`${coder}.conv_in`, `${coder}.conv_in`],
      [`${coder}.norm_out`, `${coder}.conv_norm_out`],
      [`${coder}.conv_out`, `${coder}.conv_out`],
      [`${coder}.mid.attn_1.norm`, `${coder}.mid_block.attentions.0.group_norm`],
      [`${coder}.mid.attn_1.proj_out`, `${coder}.mid_block.attentions.0.to_out.0`],
    );
    for (const x of ['q', 'k', 'v'])
      modules.push([`${coder}.mid.attn_1.${x}`, `${coder}.mid_block.attentions.0.to_${x}`]);
    for (const i of [1, 2]) modules.push([`${coder}.mid.block_${i}`, `${coder}.mid_block.resnets.${i - 1}`]);
  }
  for (let level = 0; level < levels; level++) {
    const up = `up_blocks.${levels - 1 - level}`;
    modules.push(
      [`encoder.down.${level}.downsample.conv`, `encoder.down_blocks.${level}.downsamplers.0.conv`],
      [`decoder.up.${level}.upsample.conv`, `decoder.${up}.upsamplers.0.conv`],
    );
    for (let layer = 0; layer <= layersPerBlock; layer++) {
      for (const [ldm, path] of [
        [`encoder.down.${level}.block.${layer}`, `encoder.down_blocks.${level}.resnets.${layer}`],
        [`decoder.up.${level}.block.${layer}`, `decoder.${up}.resnets.${layer}`],
      ]) {
        modules.push([`${ldm}.nin_shortcut`, `${path}.conv_shortcut`]);
        for (const x of ['norm1', 'conv1', 'norm2', 'conv2']) modules.push([`${ldm}.${x}`, `${path}.${x}`]);
      }
    }
  }
  return named('first_stage_model.', modules, diffusers);
}

/** transformers' CLIPTextModel, as SD-1.x has it. */
export function clipNames(diffusers: readonly string[]): LdmName[] {
  return diffusers.map((name) => ({ name: `cond_stage_model.transformer.${name}`, from: [name] }));
}

/** open_clip's TextTransformer, as SD-2.x has it, without the last layer. */
export function openClipNames(layers: number): LdmName[] {
  const prefix = 'cond_stage_model.model.';
  const top = (name: string, from: string): LdmName => ({
    name: prefix + name,
    from: [`text_model.${from}`],
  });
  const names = [
    top('token_embedding.weight', 'embeddings.token_embedding.weight'),
    top('positional_embedding', 'embeddings.position_embedding.weight'),
    top('ln_final.weight', 'final_layer_norm.weight'),
    top('ln_final.bias', 'final_layer_norm.bias'),
  ];
  for (let layer = 0; layer < layers; layer++) {
    const path = `text_model.encoder.layers.${layer}`;
    for (const end of ['weight', 'bias']) {
      const one = (ldm: string, name: string): LdmName => ({
        name: `${prefix}transformer.resblocks.${layer}.${ldm}.${end}`,
        from: [`${path}.${name}.${end}`],
      });
      names.push(
        one('ln_1', 'layer_norm1'),
        one('ln_2', 'layer_norm2'),
        one('attn.out_proj', 'self_attn.out_proj'),
        one('mlp.c_fc', 'mlp.fc1'),
        one('mlp.c_proj', 'mlp.fc2'),
        {
          name: `${prefix}transformer.resblocks.${layer}.attn.in_proj_${end}`,
          from: ['q', 'k', 'v'].map((x) => `${path}.self_attn.${x}_proj.${end}`),
        },
      );
    }
  }
  return names;
}

/** Tensors of the modules that the network really has. */
function named(prefix: string, modules: readonly Pair[], diffusers: readonly string[]): LdmName[] {
  const seen = new Set<string>();
  return modules.flatMap(([ldm, path]) =>
    diffusers
      .filter((name) => name.startsWith(`${path}.`) && !seen.has(name))
      .map((name) => {
        seen.add(name);
        return { name: `${prefix}${ldm}${name.slice(path.length)}`, from: [name] };
      }),
  );
}
