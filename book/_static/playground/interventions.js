/* Changes to the model, as hooks for the forward pass.

   A change is {part, how, at}:
     part  "1.3" head 3 of layer 1 | "mlp0" | "positions" | "resid1", the residual stream before layer 1
     how   "zero" | "mean", over the reference prompts | "patch", the value in the second prompt
     at    for a patch: a position, or "all"

   A head is changed at z, its output before W_O, as in mi_course.ablation. */
(() => {
  "use strict";
  const Playground = (window.Playground = window.Playground || {});

  /* What a part is in the forward pass: its hook's name, and the columns that belong to it. */
  const place = (weights, part) => {
    const { nLayers, nHeads, dModel: D, dHead: E } = weights;
    const head = /^(\d+)\.(\d+)$/.exec(part);
    const whole = /^(mlp|resid)(\d+)$/.exec(part);
    if (part === "positions") return { name: "hook_pos_embed", from: 0, to: D };
    if (head && head[1] < nLayers && head[2] < nHeads) {
      return { name: `blocks.${head[1]}.attn.hook_z`, from: head[2] * E, to: (+head[2] + 1) * E };
    }
    if (whole && whole[1] === "mlp" && whole[2] < nLayers) {
      return { name: `blocks.${whole[2]}.hook_mlp_out`, from: 0, to: D };
    }
    if (whole && whole[1] === "resid" && whole[2] <= nLayers) {
      return { name: Playground.residNames(weights)[whole[2]], from: 0, to: D };
    }
    return null;
  };

  /* The mean of an activation over the reference prompts, position by position.

     weights; prompts() -> lists of token ids, BOS first, all as long as the model reads
     -> mean(name, n), an array [n, D] */
  const referenceMeans = (weights, prompts) => {
    let sums = {};
    let length = 0;
    return (name, n) => {
      if (n > length) {
        length = Math.min(weights.nCtx, Math.ceil(n / 32) * 32);
        sums = {};
        for (const prompt of prompts()) {
          const cache = Playground.run(weights, prompt.slice(0, length));
          for (const key of Object.keys(cache).filter((k) => /hook_(z|mlp_out)$/.test(k))) {
            sums[key] = sums[key] || new Float64Array(cache[key].length);
            cache[key].forEach((value, i) => (sums[key][i] += value / prompts().length));
          }
        }
      }
      return sums[name].subarray(0, n * weights.dModel);
    };
  };

  /* A hook that copies columns `from` to `to` of `source` [m, D], at one position or at all. */
  const copyInto = (source, { from, to }, at, D) => (value) => {
    const n = value.length / D;
    for (let i = 0; i < n; i++) {
      if (at !== "all" && at !== i) continue;
      for (let j = from; j < to; j++) value[i * D + j] = source ? source[i * D + j] : 0;
    }
    return value;
  };

  /* Why a change cannot be made on this prompt, in a sentence; or null.
     n: tokens of the prompt; m: tokens of the second prompt, 0 where it cannot be read. */
  const refusal = (weights, { part, how, at }, n, m) => {
    if (!place(weights, part)) return `This model has no part “${part}”.`;
    if (how !== "patch") return null;
    if (!m) return "A patch needs a second prompt.";
    if (at === "all") {
      return n === m
        ? null
        : `A patch at all positions needs prompts of equal length: these have ${n} and ${m} tokens.`;
    }
    return at < n && at < m ? null : `Position ${at} is not in both prompts.`;
  };

  /* Hooks for a list of changes, none of which is refused.
     n: tokens of the prompt; mean: from referenceMeans; source: cache of the second prompt */
  const hooksFor = (weights, changes, n, mean, source) => {
    const hooks = {};
    for (const { part, how, at } of changes) {
      const where = place(weights, part);
      const values = { zero: () => null, mean: () => mean(where.name, n), patch: () => source[where.name] };
      const hook = copyInto(values[how](), where, how === "patch" ? at : "all", weights.dModel);
      const earlier = hooks[where.name];
      hooks[where.name] = earlier ? (value) => hook(earlier(value)) : hook;
    }
    return hooks;
  };

  Object.assign(Playground, { hooksFor, place, referenceMeans, refusal });
})();
