/** Every shader text with the names it needs from others. A test holds the needs against the text. */
import doraEpilogue from '../../../shaders/adapters/dora_epilogue.wgsl?raw';
import doraMagnitudeGradient from '../../../shaders/adapters/dora_magnitude_gradient.wgsl?raw';
import doraScale from '../../../shaders/adapters/dora_scale.wgsl?raw';
import doraWeightNorm from '../../../shaders/adapters/dora_weight_norm.wgsl?raw';
import matmul from '../../../shaders/adapters/matmul.wgsl?raw';
import sumParts from '../../../shaders/adapters/sum_parts.wgsl?raw';
import attentionOperands from '../../../shaders/common/attention_operands.wgsl?raw';
import bias from '../../../shaders/common/bias.wgsl?raw';
import channelsJoined from '../../../shaders/common/channels_joined.wgsl?raw';
import channelsPlain from '../../../shaders/common/channels_plain.wgsl?raw';
import columnsGated from '../../../shaders/common/columns_gated.wgsl?raw';
import columnsPlain from '../../../shaders/common/columns_plain.wgsl?raw';
import columnsTriple from '../../../shaders/common/columns_triple.wgsl?raw';
import conv2dOperands from '../../../shaders/common/conv2d_operands.wgsl?raw';
import doraBias from '../../../shaders/common/dora_bias.wgsl?raw';
import doraColumnsAny from '../../../shaders/common/dora_columns_any.wgsl?raw';
import doraColumnsVec4 from '../../../shaders/common/dora_columns_vec4.wgsl?raw';
import doraNoBias from '../../../shaders/common/dora_no_bias.wgsl?raw';
import eachPack from '../../../shaders/common/each_pack.wgsl?raw';
import flatIndex from '../../../shaders/common/flat_index.wgsl?raw';
import geluErf from '../../../shaders/common/gelu_erf.wgsl?raw';
import geluQuick from '../../../shaders/common/gelu_quick.wgsl?raw';
import groupNormOperands from '../../../shaders/common/group_norm_operands.wgsl?raw';
import groupStatistics from '../../../shaders/common/group_statistics.wgsl?raw';
import linearOperands from '../../../shaders/common/linear_operands.wgsl?raw';
import matmulNn from '../../../shaders/common/matmul_nn.wgsl?raw';
import matmulNt from '../../../shaders/common/matmul_nt.wgsl?raw';
import matmulTn from '../../../shaders/common/matmul_tn.wgsl?raw';
import noBias from '../../../shaders/common/no_bias.wgsl?raw';
import noResidual from '../../../shaders/common/no_residual.wgsl?raw';
import packScalar from '../../../shaders/common/pack_scalar.wgsl?raw';
import packVec4 from '../../../shaders/common/pack_vec4.wgsl?raw';
import residualAny from '../../../shaders/common/residual_any.wgsl?raw';
import residualVec4 from '../../../shaders/common/residual_vec4.wgsl?raw';
import rowAlone from '../../../shaders/common/row_alone.wgsl?raw';
import rowShared from '../../../shaders/common/row_shared.wgsl?raw';
import rowStatistics from '../../../shaders/common/row_statistics.wgsl?raw';
import rowsAsTheyAre from '../../../shaders/common/rows_as_they_are.wgsl?raw';
import rowsNormed from '../../../shaders/common/rows_normed.wgsl?raw';
import silu from '../../../shaders/common/silu.wgsl?raw';
import timesColumns from '../../../shaders/common/times_columns.wgsl?raw';
import timesRows from '../../../shaders/common/times_rows.wgsl?raw';
import weightF16 from '../../../shaders/common/weight_f16.wgsl?raw';
import weightF32 from '../../../shaders/common/weight_f32.wgsl?raw';
import weightsByQuads from '../../../shaders/common/weights_by_quads.wgsl?raw';
import weightsByRows from '../../../shaders/common/weights_by_rows.wgsl?raw';
import workgroupSum from '../../../shaders/common/workgroup_sum.wgsl?raw';
import xAny from '../../../shaders/common/x_any.wgsl?raw';
import xJoined from '../../../shaders/common/x_joined.wgsl?raw';
import xVec4 from '../../../shaders/common/x_vec4.wgsl?raw';
import yAny from '../../../shaders/common/y_any.wgsl?raw';
import yVec4 from '../../../shaders/common/y_vec4.wgsl?raw';
import noiseDifference from '../../../shaders/mi/noise_difference.wgsl?raw';
import activation from '../../../shaders/nn/activation.wgsl?raw';
import activationGradient from '../../../shaders/nn/activation_gradient.wgsl?raw';
import attention from '../../../shaders/nn/attention.wgsl?raw';
import attentionDelta from '../../../shaders/nn/attention_delta.wgsl?raw';
import attentionGradientKv from '../../../shaders/nn/attention_gradient_kv.wgsl?raw';
import attentionGradientQ from '../../../shaders/nn/attention_gradient_q.wgsl?raw';
import attentionTiled from '../../../shaders/nn/attention_tiled.wgsl?raw';
import attentionTiledGradient from '../../../shaders/nn/attention_tiled_gradient.wgsl?raw';
import conv2d from '../../../shaders/nn/conv2d.wgsl?raw';
import conv2dGradient from '../../../shaders/nn/conv2d_gradient.wgsl?raw';
import geglu from '../../../shaders/nn/geglu.wgsl?raw';
import gegluGradient from '../../../shaders/nn/geglu_gradient.wgsl?raw';
import groupMoments from '../../../shaders/nn/group_moments.wgsl?raw';
import groupNorm from '../../../shaders/nn/group_norm.wgsl?raw';
import groupNormGradient from '../../../shaders/nn/group_norm_gradient.wgsl?raw';
import layerNorm from '../../../shaders/nn/layer_norm.wgsl?raw';
import layerNormGradient from '../../../shaders/nn/layer_norm_gradient.wgsl?raw';
import linear from '../../../shaders/nn/linear.wgsl?raw';
import linearCombination from '../../../shaders/nn/linear_combination.wgsl?raw';
import linearGradient from '../../../shaders/nn/linear_gradient.wgsl?raw';
import linearTriple from '../../../shaders/nn/linear_triple.wgsl?raw';
import productRegisters from '../../../shaders/nn/product_registers.wgsl?raw';
import productSubgroups from '../../../shaders/nn/product_subgroups.wgsl?raw';
import productTiles from '../../../shaders/nn/product_tiles.wgsl?raw';
import adamw from '../../../shaders/train/adamw.wgsl?raw';
import sumOfSquares from '../../../shaders/train/sum_of_squares.wgsl?raw';
import type { Shader } from './shader.ts';

/** What products have in common that keep their tile in registers. */
const PRODUCT_NEEDS = [
  'bias4',
  'block_row',
  'load4',
  'params',
  'place',
  'source_row',
  'store4',
  'taps',
  'thread_rows',
  'tile_columns',
  'times',
] as const;

export const SHADERS = {
  dora_epilogue: { code: doraEpilogue, needs: ['Pack', 'bias_at'] },
  dora_magnitude_gradient: { code: doraMagnitudeGradient, needs: [] },
  dora_scale: { code: doraScale, needs: ['Pack'] },
  dora_weight_norm: { code: doraWeightNorm, needs: ['Weight4', 'b4', 'store4', 'unpack'] },
  sum_parts: { code: sumParts, needs: [] },
  matmul: { code: matmul, needs: ['a_at', 'b_at'] },
  attention_operands: { code: attentionOperands, needs: ['head4'] },
  bias: { code: bias, needs: ['bias_binding', 'params', 'spans'] },
  channels_joined: { code: channelsJoined, needs: ['params', 'x'] },
  channels_plain: { code: channelsPlain, needs: ['params', 'x'] },
  columns_gated: { code: columnsGated, needs: ['activation', 'bias4', 'params', 'side_x', 'store4'] },
  columns_plain: { code: columnsPlain, needs: ['bias4', 'params', 'side_x', 'store4'] },
  columns_triple: { code: columnsTriple, needs: ['params', 'side_x'] },
  x_any: { code: xAny, needs: ['params', 'x_binding'] },
  x_joined: { code: xJoined, needs: ['params', 'x_binding'] },
  x_vec4: { code: xVec4, needs: ['params', 'x_binding'] },
  y_any: { code: yAny, needs: ['params', 'residual4'] },
  y_vec4: { code: yVec4, needs: ['params', 'residual4'] },
  linear_triple: { code: linearTriple, needs: ['Weight4', 'params', 'unpack', 'w', 'w_binding'] },
  conv2d_operands: { code: conv2dOperands, needs: ['Weight4', 'w_binding'] },
  dora_bias: { code: doraBias, needs: ['Pack'] },
  dora_columns_any: { code: doraColumnsAny, needs: ['params'] },
  dora_columns_vec4: { code: doraColumnsVec4, needs: ['params'] },
  dora_no_bias: { code: doraNoBias, needs: ['Pack'] },
  each_pack: { code: eachPack, needs: ['each', 'flat_index', 'params'] },
  flat_index: { code: flatIndex, needs: [] },
  gelu_erf: { code: geluErf, needs: ['Pack'] },
  gelu_quick: { code: geluQuick, needs: ['Pack'] },
  group_norm_operands: { code: groupNormOperands, needs: [] },
  group_statistics: { code: groupStatistics, needs: ['params', 'threads', 'workgroup_sum', 'x_at'] },
  linear_operands: { code: linearOperands, needs: ['Weight4', 'w_binding'] },
  matmul_nn: { code: matmulNn, needs: ['params'] },
  matmul_nt: { code: matmulNt, needs: ['params'] },
  matmul_tn: { code: matmulTn, needs: ['params'] },
  no_bias: { code: noBias, needs: [] },
  no_residual: { code: noResidual, needs: [] },
  pack_scalar: { code: packScalar, needs: [] },
  pack_vec4: { code: packVec4, needs: [] },
  residual_any: { code: residualAny, needs: ['params', 'residual_binding'] },
  residual_vec4: { code: residualVec4, needs: ['params', 'residual_binding'] },
  row_alone: { code: rowAlone, needs: [] },
  row_shared: { code: rowShared, needs: [] },
  row_statistics: { code: rowStatistics, needs: ['row_total', 'share'] },
  rows_as_they_are: { code: rowsAsTheyAre, needs: [] },
  rows_normed: { code: rowsNormed, needs: ['gamma_binding', 'load4', 'params'] },
  silu: { code: silu, needs: ['Pack'] },
  times_columns: { code: timesColumns, needs: [] },
  times_rows: { code: timesRows, needs: [] },
  weight_f16: { code: weightF16, needs: [] },
  weight_f32: { code: weightF32, needs: [] },
  weights_by_quads: {
    code: weightsByQuads,
    needs: ['keys_seen', 'lowest', 'peaks', 'scores', 'shrinks', 'sums', 'tile'],
  },
  weights_by_rows: {
    code: weightsByRows,
    needs: ['keys_seen', 'peaks', 'scores', 'shrinks', 'sums', 'tile'],
  },
  workgroup_sum: { code: workgroupSum, needs: ['threads'] },
  noise_difference: { code: noiseDifference, needs: ['Pack', 'total'] },
  activation: { code: activation, needs: ['Pack', 'activation'] },
  activation_gradient: { code: activationGradient, needs: ['Pack', 'activation_slope'] },
  attention: {
    code: attention,
    needs: ['head4', 'head_at', 'k', 'keys_at_once', 'keys_seen', 'params', 'q', 'v'],
  },
  attention_delta: { code: attentionDelta, needs: ['flat_index'] },
  attention_gradient_kv: { code: attentionGradientKv, needs: ['head4', 'head_at', 'k', 'params', 'q', 'v'] },
  attention_gradient_q: {
    code: attentionGradientQ,
    needs: ['head4', 'head_at', 'k', 'keys_seen', 'params', 'q', 'v'],
  },
  attention_tiled: {
    code: attentionTiled,
    needs: ['head4', 'head_at', 'k', 'keys_seen', 'params', 'q', 'v', 'weigh'],
  },
  attention_tiled_gradient: { code: attentionTiledGradient, needs: ['head4', 'rows_are_keys', 'slopes'] },
  conv2d: { code: conv2d, needs: ['Place', 'params', 'unpack', 'upsampled', 'w'] },
  conv2d_gradient: { code: conv2dGradient, needs: ['Place', 'params', 'unpack', 'w'] },
  geglu: { code: geglu, needs: ['Pack', 'activation'] },
  geglu_gradient: { code: gegluGradient, needs: ['Pack', 'activation', 'activation_slope'] },
  group_moments: { code: groupMoments, needs: ['group_statistics', 'threads'] },
  group_norm: { code: groupNorm, needs: ['beta', 'gamma', 'group_statistics', 'params', 'threads', 'x_at'] },
  group_norm_gradient: {
    code: groupNormGradient,
    needs: ['beta', 'gamma', 'group_statistics', 'params', 'threads', 'workgroup_sum', 'x'],
  },
  layer_norm: { code: layerNorm, needs: ['flat_index', 'gamma', 'params', 'row_statistics', 'share', 'x'] },
  layer_norm_gradient: {
    code: layerNormGradient,
    needs: ['flat_index', 'gamma', 'params', 'row_statistics', 'row_total', 'share', 'x'],
  },
  linear: { code: linear, needs: ['params', 'spans', 'unpack', 'w'] },
  linear_combination: { code: linearCombination, needs: ['combined', 'y'] },
  linear_gradient: { code: linearGradient, needs: ['params', 'unpack', 'w'] },
  product_registers: { code: productRegisters, needs: [...PRODUCT_NEEDS, 'tile_rows'] },
  product_subgroups: { code: productSubgroups, needs: PRODUCT_NEEDS },
  product_tiles: {
    code: productTiles,
    needs: [
      'along_sum',
      'block_row',
      'finish',
      'load4',
      'normed',
      'params',
      'place',
      'row_moments',
      'side_x',
      'side_y',
      'slices',
      'source_row',
      'taps',
      'thread_rows',
      'tile_parts',
      'times',
      'weight_column',
    ],
  },
  adamw: { code: adamw, needs: ['Pack'] },
  sum_of_squares: { code: sumOfSquares, needs: ['squares', 'start', 'threads', 'total', 'workgroup_sum'] },
} as const satisfies Record<string, Shader>;

/** Pieces that come by themselves where they are needed. */
export const LIBRARY: readonly Shader[] = [
  SHADERS.channels_plain,
  SHADERS.flat_index,
  SHADERS.group_statistics,
  SHADERS.row_statistics,
  SHADERS.workgroup_sum,
];
