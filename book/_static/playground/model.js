/* The forward pass of a GPT-2, plain, to be read.

   Shapes: n positions; D = d_model; H heads of E = d_head each, H E = D; M = d_mlp; V tokens.
   A matrix [rows, columns] is a Float32Array, row after row. The weights come from weights.js.

   Every activation that the page shows or changes passes through `at(name, value)`: it keeps the value
   under TransformerLens' name for it, after a hook of that name, if there is one, has changed it. */
(() => {
  "use strict";
  const Playground = (window.Playground = window.Playground || {});

  /* x [n, dIn] · W [dIn, dOut] + b [dOut] -> [n, dOut] */
  const linear = (x, W, b, n, dIn, dOut) => {
    const out = new Float32Array(n * dOut);
    for (let i = 0; i < n; i++) {
      const row = out.subarray(i * dOut, (i + 1) * dOut);
      if (b) row.set(b);
      for (let k = 0; k < dIn; k++) {
        const scale = x[i * dIn + k];
        const w = k * dOut;
        for (let j = 0; j < dOut; j++) row[j] += scale * W[w + j];
      }
    }
    return out;
  };

  /* a + b, both [n, D] -> [n, D] */
  const add = (a, b) => a.map((value, i) => value + b[i]);

  /* LayerNorm without gain and bias, which are folded into the weights.
     x [n, D] -> normalized [n, D], and what each row was divided by, scale [n] */
  const layerNorm = (x, n, D, eps) => {
    const normalized = new Float32Array(n * D);
    const scale = new Float32Array(n);
    for (let i = 0; i < n; i++) {
      let mean = 0;
      let variance = 0;
      for (let j = 0; j < D; j++) mean += x[i * D + j] / D;
      for (let j = 0; j < D; j++) variance += (x[i * D + j] - mean) ** 2 / D;
      scale[i] = Math.sqrt(variance + eps);
      for (let j = 0; j < D; j++) normalized[i * D + j] = (x[i * D + j] - mean) / scale[i];
    }
    return { normalized, scale };
  };

  /* One head's attention pattern: a row for each query, its probabilities add up to 1.
     q, k [n, D], head h in columns h E to (h + 1) E; writes pattern[h] of [H, n, n] */
  const attend = (pattern, q, k, n, h, E, D) => {
    const start = h * n * n;
    for (let query = 0; query < n; query++) {
      const row = pattern.subarray(start + query * n, start + query * n + n);
      let largest = -Infinity;
      for (let key = 0; key <= query; key++) {
        let score = 0;
        for (let e = h * E; e < (h + 1) * E; e++) score += q[query * D + e] * k[key * D + e];
        row[key] = score / Math.sqrt(E);
        largest = Math.max(largest, row[key]);
      }
      let sum = 0;
      for (let key = 0; key <= query; key++) sum += row[key] = Math.exp(row[key] - largest);
      for (let key = 0; key <= query; key++) row[key] /= sum; // keys after the query stay 0
    }
  };

  /* z: for each query and head the values of the keys, weighed by the pattern.
     pattern [H, n, n], v [n, D] -> z [n, D], head h in columns h E to (h + 1) E */
  const mix = (pattern, v, n, H, E) => {
    const D = H * E;
    const z = new Float32Array(n * D);
    for (let h = 0; h < H; h++) {
      for (let query = 0; query < n; query++) {
        for (let key = 0; key <= query; key++) {
          const weight = pattern[(h * n + query) * n + key];
          for (let e = h * E; e < (h + 1) * E; e++) z[query * D + e] += weight * v[key * D + e];
        }
      }
    }
    return z;
  };

  /* GELU in its tanh form, GPT-2's "gelu_new". */
  const gelu = (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

  /* Everything but the logits.

     weights: from weights.js
     tokens: ids, BOS first
     hooks: {name: value => value}; a hook may change what it is given in place
     -> cache, {name: Float32Array}:
        hook_embed, hook_pos_embed [n, D]
        blocks.L.hook_resid_pre, blocks.L.hook_attn_out, blocks.L.hook_mlp_out,
        blocks.L.hook_resid_post [n, D]
        blocks.L.attn.hook_pattern [H, n, n]
        blocks.L.attn.hook_z [n, D], heads side by side */
  function* running(weights, tokens, hooks = {}) {
    const { nHeads: H, dModel: D, dHead: E, dMlp: M, eps } = weights;
    const n = tokens.length;
    const cache = {};
    const at = (name, value) => (cache[name] = (hooks[name] && hooks[name](value)) || value);

    const embed = new Float32Array(n * D);
    tokens.forEach((id, i) => embed.set(weights.W_E.subarray(id * D, (id + 1) * D), i * D));
    at("hook_embed", embed);
    at("hook_pos_embed", weights.W_pos.slice(0, n * D));
    let resid = add(cache.hook_embed, cache.hook_pos_embed); // [n, D]: the residual stream

    for (const [layer, block] of weights.blocks.entries()) {
      const name = (point) => `blocks.${layer}.${point}`;
      resid = at(name("hook_resid_pre"), resid);

      const x = layerNorm(resid, n, D, eps).normalized; // [n, D]
      const q = linear(x, block.W_Q, block.b_Q, n, D, D); // [n, D]
      const k = linear(x, block.W_K, block.b_K, n, D, D); // [n, D]
      const v = linear(x, block.W_V, null, n, D, D); // [n, D]; its bias is in b_O
      const pattern = new Float32Array(H * n * n);
      for (let h = 0; h < H; h++) attend(pattern, q, k, n, h, E, D);
      at(name("attn.hook_pattern"), pattern);
      const z = at(name("attn.hook_z"), mix(cache[name("attn.hook_pattern")], v, n, H, E));
      const attnOut = at(name("hook_attn_out"), linear(z, block.W_O, block.b_O, n, D, D));
      resid = add(resid, attnOut);
      yield; // a place to pause, as in slices.js

      const y = layerNorm(resid, n, D, eps).normalized; // [n, D]
      const hidden = linear(y, block.W_in, block.b_in, n, D, M).map(gelu); // [n, M]
      const mlpOut = at(name("hook_mlp_out"), linear(hidden, block.W_out, block.b_out, n, M, D));
      resid = at(name("hook_resid_post"), add(resid, mlpOut));
      yield;
    }
    return cache;
  }
  const run = (weights, tokens, hooks) => Playground.atOnce(running(weights, tokens, hooks));

  /* Logits from any residual stream: the final LayerNorm, then the unembedding. After the last layer
     these are the model's logits; earlier they are the logit lens. resid [n, D] -> [n, V] */
  const unembed = (weights, resid) => {
    const { dModel: D, vocab: V, W_U, b_U, eps } = weights;
    const n = resid.length / D;
    const { normalized } = layerNorm(resid, n, D, eps);
    const logits = new Float32Array(n * V);
    for (let i = 0; i < n; i++) {
      const x = normalized.subarray(i * D, (i + 1) * D);
      for (let v = 0; v < V; v++) {
        let sum = b_U[v];
        const w = v * D;
        for (let j = 0; j < D; j++) sum += x[j] * W_U[w + j];
        logits[i * V + v] = sum;
      }
    }
    return logits;
  };

  /* The residual stream's places, from the embeddings to after the last layer. */
  const residNames = (weights) => [
    ...weights.blocks.map((_, layer) => `blocks.${layer}.hook_resid_pre`),
    `blocks.${weights.nLayers - 1}.hook_resid_post`,
  ];

  /* The whole forward pass. -> {cache, logits [n, V]} */
  const forward = (weights, tokens, hooks = {}) => {
    const cache = run(weights, tokens, hooks);
    return { cache, logits: unembed(weights, cache[residNames(weights).at(-1)]) };
  };

  Object.assign(Playground, { forward, layerNorm, residNames, run, running, unembed });
})();
