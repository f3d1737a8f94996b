// Weights of a tile of scores, and what they change in the sums so far, for attention_tiled.wgsl: four threads per row.
//
// Neighbors share a row, a quarter each, and pass their maxima and sums among the four: the order of a sum is the same in
// subgroups of any size from 4 on. Half of the threads has nothing to do, but lends its lanes.
fn weigh(index: u32, first_query: u32, first_key: u32) {
  let quarter = index % 4u;
  let line = (index / 4u) % tile;
  let leads = quarter == 0u && index < 4u * tile;
  let count = min(max(keys_seen(first_query + line + 1u), first_key) - first_key, tile);
  let start = quarter * (tile / 4u);
  let end = select(start, start + tile / 4u, index < 4u * tile);
  // What the sums so far are relative to: only the first of a row has it, and changes it.
  var peak = lowest;
  if (leads) {
    peak = peaks[line];
  }
  var higher = peak;
  for (var i = start; i < min(end, count); i++) {
    higher = max(higher, scores[line][i]);
  }
  higher = max(higher, subgroupShuffleXor(higher, 1u));
  higher = max(higher, subgroupShuffleXor(higher, 2u));
  var sum = 0.0;
  for (var i = start; i < end; i++) {
    let weight = select(0.0, exp(scores[line][i] - higher), i < count);
    scores[line][i] = weight;
    sum += weight;
  }
  sum += subgroupShuffleXor(sum, 1u);
  sum += subgroupShuffleXor(sum, 2u);
  if (leads) {
    let shrink = exp(peak - higher);
    sums[line] = sums[line] * shrink + sum;
    peaks[line] = higher;
    shrinks[line] = shrink;
  }
}
