/* From the shipped model.safetensors to the weights that the forward pass uses.

   The file holds GPT-2's own layout. The course's Python works in TransformerLens' compatibility mode,
   which writes the same function differently, and so does this page:

   - each LayerNorm's scale and bias are folded into the weights that read from it;
   - the value bias is folded into the output bias, since the rows of a pattern add up to 1;
   - weights that write to the residual stream are centred: LayerNorm removes the mean anyway;
   - the unembedding is centred: a constant added to every logit changes no probability.

   Without this, setting a head's z to zero would mean something else here than in the chapters. */
(() => {
  "use strict";
  const Playground = (window.Playground = window.Playground || {});

  const KINDS = { F32: Float32Array, I8: Int8Array };

  /* {name: {shape, data: Float32Array}} from the bytes of a safetensors file: the length of the header
     in 8 bytes, the header in JSON, the numbers. A matrix of int8 counts steps; what a step is worth in
     each column stands under `name.scale`. */
  function* readingTensors(buffer) {
    const headerBytes = Number(new DataView(buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, headerBytes)));
    const start = 8 + headerBytes;
    const numbers = (name) => {
      const { dtype, data_offsets: at } = header[name];
      if (!KINDS[dtype]) throw new Error(`${name} holds ${dtype}, expected F32 or I8`);
      return new KINDS[dtype](buffer.slice(start + at[0], start + at[1]));
    };
    const tensors = {};
    for (const [name, { dtype, shape }] of Object.entries(header)) {
      if (name === "__metadata__" || name.endsWith(".scale")) continue;
      const data = numbers(name);
      tensors[name] = { shape, data: dtype === "I8" ? unrounded(data, numbers(`${name}.scale`)) : data };
      yield;
    }
    return tensors;
  }

  /* steps [rows, columns] · scale [columns] */
  const unrounded = (steps, scale) => {
    const out = new Float32Array(steps.length);
    for (let i = 0, j = 0; i < out.length; i++, j = j + 1 === scale.length ? 0 : j + 1) {
      out[i] = steps[i] * scale[j];
    }
    return out;
  };

  /* W [rows, columns] with row r multiplied by gain[r]. */
  const scaleRows = (W, gain) => {
    const columns = W.length / gain.length;
    const out = new Float32Array(W.length);
    for (let row = 0, i = 0; row < gain.length; row++) {
      for (const end = i + columns; i < end; i++) out[i] = W[i] * gain[row];
    }
    return out;
  };

  /* bias [columns] + row [rows] · W [rows, columns] */
  const addProduct = (bias, row, W) => {
    const columns = bias.length;
    const sums = Float64Array.from(bias);
    for (let i = 0; i < row.length; i++) {
      for (let j = 0; j < columns; j++) sums[j] += row[i] * W[i * columns + j];
    }
    return Float32Array.from(sums);
  };

  /* Each row of W [rows, columns] minus its mean. */
  const centreRows = (W, columns) => {
    const out = new Float32Array(W.length);
    for (let row = 0; row < W.length; row += columns) {
      let mean = 0;
      for (let j = 0; j < columns; j++) mean += W[row + j] / columns;
      for (let j = 0; j < columns; j++) out[row + j] = W[row + j] - mean;
    }
    return out;
  };

  /* Each column of W [rows, columns] minus its mean. */
  const centreColumns = (W, columns) => {
    const rows = W.length / columns;
    const mean = new Float64Array(columns);
    const out = new Float32Array(W.length);
    for (let i = 0; i < W.length; i += columns) {
      for (let j = 0; j < columns; j++) mean[j] += W[i + j] / rows;
    }
    for (let i = 0; i < W.length; i += columns) {
      for (let j = 0; j < columns; j++) out[i + j] = W[i + j] - mean[j];
    }
    return out;
  };

  /* Columns `from` to `to` of W [rows, columns]. */
  const columnsOf = (W, columns, from, to) => {
    const rows = W.length / columns;
    const out = new Float32Array(rows * (to - from));
    for (let i = 0; i < rows; i++) {
      out.set(W.subarray(i * columns + from, i * columns + to), i * (to - from));
    }
    return out;
  };

  /* One block's weights; D = d_model, M = d_mlp. The heads stand side by side: head h has the columns
     h * d_head to (h + 1) * d_head of W_Q, W_K and W_V, and these rows of W_O. */
  function* foldingBlock(get, layer, D) {
    const own = (name) => get(`transformer.h.${layer}.${name}`);
    const [gain1, shift1] = [own("ln_1.weight"), own("ln_1.bias")]; // [D]
    const [gain2, shift2] = [own("ln_2.weight"), own("ln_2.bias")]; // [D]
    const qkv = own("attn.c_attn.weight"); // [D, 3 D]: queries, keys, values
    const bias = own("attn.c_attn.bias"); // [3 D]
    const part = (i) => columnsOf(qkv, 3 * D, i * D, (i + 1) * D); // [D, D]
    const partBias = (i) => addProduct(bias.slice(i * D, (i + 1) * D), shift1, part(i)); // [D]
    const W_O = own("attn.c_proj.weight"); // [D, D]
    const W_in = own("mlp.c_fc.weight"); // [D, M]
    const D_of = (b) => centreRows(b, D);
    const attention = {
      W_Q: scaleRows(part(0), gain1), // [D, D]
      W_K: scaleRows(part(1), gain1), // [D, D]
      W_V: scaleRows(part(2), gain1), // [D, D]
      b_Q: partBias(0), // [D]
      b_K: partBias(1), // [D]
    };
    yield;
    return {
      ...attention,
      W_O: D_of(W_O), // [D, D]
      b_O: D_of(addProduct(own("attn.c_proj.bias"), partBias(2), W_O)), // [D]
      W_in: scaleRows(W_in, gain2), // [D, M]
      b_in: addProduct(own("mlp.c_fc.bias"), shift2, W_in), // [M]
      W_out: D_of(own("mlp.c_proj.weight")), // [M, D]
      b_out: D_of(own("mlp.c_proj.bias")), // [D]
    };
  }

  /* All weights, in compatibility mode, and the sizes. */
  function* foldingWeights(tensors, config) {
    const get = (name) => tensors[name].data;
    const D = config.n_embd;
    const blocks = [];
    for (let layer = 0; layer < config.n_layer; layer++) {
      blocks.push(yield* foldingBlock(get, layer, D));
      yield;
    }
    const W_E = get("transformer.wte.weight"); // [V, D]
    const [gain, shift] = [get("transformer.ln_f.weight"), get("transformer.ln_f.bias")]; // [D]
    const b_U = new Float32Array(config.vocab_size); // [V]
    const scaled = new Float32Array(W_E.length); // [V, D]: with the gain of the last LayerNorm
    for (let v = 0, at = 0; v < b_U.length; v++) {
      let sum = 0;
      for (let i = 0; i < D; i++, at++) {
        sum += shift[i] * W_E[at];
        scaled[at] = gain[i] * W_E[at];
      }
      b_U[v] = sum;
    }
    yield;
    const W_U = centreColumns(scaled, D); // [V, D]: one row for each token
    yield;
    return {
      nLayers: config.n_layer,
      nHeads: config.n_head,
      dModel: D,
      dHead: D / config.n_head,
      dMlp: config.n_inner || 4 * D,
      vocab: config.vocab_size,
      nCtx: config.n_positions,
      eps: config.layer_norm_epsilon,
      W_E: centreRows(W_E, D), // [V, D]
      W_pos: centreRows(get("transformer.wpe.weight"), D), // [n_ctx, D]
      blocks,
      W_U,
      b_U: centreRows(b_U, b_U.length), // [V]
    };
  }

  const PIECE = 1 << 16; // characters of base64 that are read at a time, in fours

  function* readingBytes(base64) {
    const padding = /=*$/.exec(base64.slice(-4))[0].length;
    const bytes = new Uint8Array(Math.floor((3 * base64.length) / 4) - padding);
    for (let from = 0, to = 0; from < base64.length; from += PIECE) {
      const text = atob(base64.slice(from, from + PIECE));
      for (let i = 0; i < text.length; i++) bytes[to++] = text.charCodeAt(i);
      yield;
    }
    return bytes.buffer;
  }

  /* What `mi-course export-browser` wrote, as weights and sizes. */
  Playground.loadingWeights = function* (file) {
    const buffer = yield* readingBytes(file.weights);
    if (buffer.byteLength !== file.bytes) {
      throw new Error(`${buffer.byteLength} of ${file.bytes} bytes arrived`);
    }
    return yield* foldingWeights(yield* readingTensors(buffer), file.config);
  };
})();
