/* What the page measures: probabilities, head scores, direct effects, how far a pattern moved. */
(() => {
  "use strict";
  const Playground = (window.Playground = window.Playground || {});

  /* logits [V] -> probabilities [V] */
  const softmax = (logits) => {
    let largest = -Infinity;
    for (const x of logits) if (x > largest) largest = x;
    const weights = new Float64Array(logits.length);
    let sum = 0;
    for (let i = 0; i < weights.length; i++) sum += weights[i] = Math.exp(logits[i] - largest);
    for (let i = 0; i < weights.length; i++) weights[i] /= sum;
    return weights;
  };

  /* Ids of the largest values, the largest first. */
  const top = (values, count) => {
    const best = [];
    for (let id = 0; id < values.length; id++) {
      if (best.length === count && values[id] <= values[best[count - 1]]) continue;
      best.push(id);
      best.sort((a, b) => values[b] - values[a] || a - b);
      best.length = Math.min(best.length, count);
    }
    return best;
  };

  /* One head's pattern [n, n] out of the cache. */
  const patternOf = (cache, layer, head, n) =>
    cache[`blocks.${layer}.attn.hook_pattern`].subarray(head * n * n, (head + 1) * n * n);

  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length; // NaN for none

  /* Scores of one pattern [n, n] on the tokens of this prompt; NaN where no query counts.

     previous   mean attention from each token to the one before it
     first      mean attention to BOS, from every later token
     duplicate  mean, over tokens that stood in the prompt before, of the attention to where they stood
     induction  the same, of the attention to the tokens after those places

     On random tokens written twice, the last two are mi_course.induction's scores. */
  const scoresOf = (pattern, tokens) => {
    const n = tokens.length;
    const queries = tokens.map((_, q) => q).slice(1);
    const earlier = (q) => queries.filter((k) => k < q && tokens[k] === tokens[q]);
    const repeated = queries.filter((q) => earlier(q).length);
    const sum = (q, keys) => keys.reduce((total, k) => total + pattern[q * n + k], 0);
    return {
      previous: mean(queries.map((q) => pattern[q * n + q - 1])),
      first: mean(queries.map((q) => pattern[q * n])),
      duplicate: mean(repeated.map((q) => sum(q, earlier(q)))),
      induction: mean(repeated.map((q) => sum(q, earlier(q).map((k) => k + 1)))),
    };
  };

  /* Attention from one position to every place where a token stands. */
  const attentionTo = (pattern, tokens, query, id) =>
    tokens.reduce((sum, t, key) => sum + (t === id ? pattern[query * tokens.length + key] : 0), 0);

  /* One position's place in a pattern [n, n]: where it looks, its row; and who looks at it, its column,
     which holds nothing before the position itself. -> {looks [n], looked [n]} */
  const attentionAround = (pattern, n, at) => ({
    looks: Array.from({ length: n }, (_, key) => pattern[at * n + key]),
    looked: Array.from({ length: n }, (_, query) => (query < at ? 0 : pattern[query * n + at])),
  });

  /* The logit difference at one position as a sum: what each head and MLP writes, divided by the final
     LayerNorm's scale, in the direction W_U[a] - W_U[b]. -> {heads [layer][head], mlps [layer], rest,
     total}; rest: embeddings and biases. A patch of the stream after the last layer is in `rest`. */
  const directEffects = (weights, cache, position, a, b) => {
    const { nLayers, nHeads, dModel: D, dHead: E } = weights;
    const row = (x) => x.subarray(position * D, (position + 1) * D);
    const final = row(cache[Playground.residNames(weights).at(-1)]);
    const scale = Playground.layerNorm(final, 1, D, weights.eps).scale[0];
    const direction = new Float64Array(D);
    for (let j = 0; j < D; j++) {
      direction[j] = (weights.W_U[a * D + j] - weights.W_U[b * D + j]) / scale;
    }
    const dot = (x) => x.reduce((sum, value, j) => sum + value * direction[j], 0);
    const written = (layer, head) => {
      const z = row(cache[`blocks.${layer}.attn.hook_z`]);
      const { W_O } = weights.blocks[layer];
      let sum = 0;
      for (let e = head * E; e < (head + 1) * E; e++) {
        sum += z[e] * dot(W_O.subarray(e * D, (e + 1) * D));
      }
      return sum;
    };
    const layers = Array.from({ length: nLayers }, (_, layer) => layer);
    const heads = layers.map((layer) =>
      Array.from({ length: nHeads }, (_, head) => written(layer, head)),
    );
    const mlps = layers.map((layer) => dot(row(cache[`blocks.${layer}.hook_mlp_out`])));
    const total = dot(final) + weights.b_U[a] - weights.b_U[b];
    const rest = total - heads.flat().reduce((s, x) => s + x, 0) - mlps.reduce((s, x) => s + x, 0);
    return { heads, mlps, rest, total };
  };

  /* How much of a pattern's attention moved, 0 to 1: half the sum of the changes of a row, mean over
     the rows after the first. */
  const moved = (before, after, n) => {
    let sum = 0;
    for (let i = n; i < n * n; i++) sum += Math.abs(after[i] - before[i]) / 2;
    return n > 1 ? sum / (n - 1) : 0;
  };

  /* Loss of each token after the first given those before it, in nats. logits [n, V] -> n - 1 numbers */
  const losses = (logits, tokens) => {
    const V = logits.length / tokens.length;
    return tokens
      .slice(1)
      .map((id, i) => -Math.log(softmax(logits.subarray(i * V, (i + 1) * V))[id]));
  };

  Object.assign(Playground, {
    attentionAround,
    attentionTo,
    directEffects,
    losses,
    mean,
    moved,
    patternOf,
    scoresOf,
    softmax,
    top,
  });
})();
