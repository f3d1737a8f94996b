// Weights of a tile of scores, and what they change in the sums so far, for attention_tiled.wgsl: one thread per row.
fn weigh(index: u32, first_query: u32, first_key: u32) {
  if (index >= tile) {
    return;
  }
  let count = min(max(keys_seen(first_query + index + 1u), first_key) - first_key, tile);
  var higher = peaks[index];
  for (var i = 0u; i < count; i++) {
    higher = max(higher, scores[index][i]);
  }
  let shrink = exp(peaks[index] - higher);
  var sum = sums[index] * shrink;
  for (var i = 0u; i < tile; i++) {
    let weight = select(0.0, exp(scores[index][i] - higher), i < count);
    scores[index][i] = weight;
    sum += weight;
  }
  peaks[index] = higher;
  sums[index] = sum;
  shrinks[index] = shrink;
}
