/* From what the reader asks to everything that the page shows. Nothing of the page is read or written
   here, so this runs wherever JavaScript does.

   Every step keeps its last value. Another theme, another view or another head to enlarge asks for what
   is there already; another token to compare makes no pass through the model; a change makes one. */
(() => {
  "use strict";
  const Playground = (window.Playground = window.Playground || {});
  const N_GUESSES = 8; // tokens in the table of predictions

  /* The value of `make`, made again only when it is asked for something else than the last time.
     What it is asked for must be plain data, which is compared as text. */
  const keepLast = (make) => {
    let last = null;
    let value;
    const get = (...asked) => {
      const key = JSON.stringify(asked);
      if (key !== last) [value, last] = [make(...asked), key];
      return value;
    };
    get.keep = (made, ...asked) => ([value, last] = [made, JSON.stringify(asked)]);
    return get;
  };

  /* What `mi-course export-browser` wrote, as a model that reads text.
     -> {weights, tokenizer, mean, heads: names such as "1.3", read(text) -> tokens, textOf(id)} */
  const openModel = (file) => Playground.atOnce(openingModel(file));

  function* openingModel(file) {
    const weights = yield* Playground.loadingWeights(file);
    yield;
    const tokenizer = new Playground.Tokenizer(file.tokenizer);
    const read = (text) => [tokenizer.bos, ...tokenizer.encode(text)];
    const references = keepLast(() => file.reference.map((text) => read(text).slice(0, weights.nCtx)));
    return {
      weights,
      tokenizer,
      mean: Playground.referenceMeans(weights, references),
      heads: weights.blocks.flatMap((_, layer) =>
        Array.from({ length: weights.nHeads }, (_, head) => `${layer}.${head}`),
      ),
      read,
      textOf: (id) => (id === tokenizer.bos ? "BOS" : tokenizer.decode([id])),
    };
  }

  const problemWith = (tokens, text, { nCtx }) => {
    if (!text.trim()) return "The prompt is empty: type some words, or pick a prompt.";
    return tokens.length > nCtx
      ? `The prompt is too long: ${tokens.length} tokens with BOS, and the model reads at most ${nCtx}.`
      : null;
  };

  /* Each head's pattern [n, n] before and after the changes, their difference, and how much moved. */
  const patternsOf = (heads, before, after, n) =>
    Object.fromEntries(
      heads.map((name) => {
        const [layer, head] = name.split(".");
        const [a, b] = [before, after].map((run) => Playground.patternOf(run.cache, layer, head, n));
        const moved = Playground.moved(a, b, n);
        return [name, { before: a, after: b, difference: b.map((value, i) => value - a[i]), moved }];
      }),
    );

  /* The logit lens: for each place in the residual stream its logits [n, V] and, for each position,
     the best guess and its probability. */
  function* readingLens(weights, { cache, logits }, n) {
    const places = Playground.residNames(weights);
    const lens = [];
    for (const [i, place] of places.entries()) {
      const here = i === places.length - 1 ? logits : Playground.unembed(weights, cache[place]);
      yield;
      const cells = Array.from({ length: n }, (_, position) => {
        const probabilities = Playground.softmax(rowOf(here, position, weights.vocab));
        const [best] = Playground.top(probabilities, 1);
        return { best, probability: probabilities[best] };
      });
      lens.push({ logits: here, cells });
      yield;
    }
    return lens;
  }

  /* Row i of a matrix [n, columns]. */
  const rowOf = (matrix, i, columns) => matrix.subarray(i * columns, (i + 1) * columns);

  const bestOf = (probabilities) => {
    const [id] = Playground.top(probabilities, 1);
    return { id, probability: probabilities[id] };
  };

  /* Changes that can be made on these prompts, and a sentence for each that cannot. */
  const sorted = (weights, asked, n, m) => {
    const notes = [];
    const changes = asked.filter((change) => {
      const why = Playground.refusal(weights, change, n, m);
      if (why) notes.push(`${Playground.writeChange(change)} was left out. ${why}`);
      return !why;
    });
    return { changes, notes };
  };

  /* The ids of the two tokens that are compared: the words that were asked for, or else the best guesses.
     Where a word is several tokens, a sentence says so. */
  const compared = (tokenizer, words, guesses) => {
    const notes = [];
    const ids = words.map((word, i) => {
      const id = word ? tokenizer.single(word) : guesses[i];
      if (id !== null) return id;
      const count = tokenizer.encode(` ${word}`).length;
      notes.push(`“${word}” is ${count} tokens here: choose a word that is one.`);
      return guesses[i];
    });
    return { ids, notes };
  };

  /* What is measured at one position for one pair of tokens.
     -> {scores by head, effects: {mlps [layer], rest, total}}: attention with the changes, effects in
     logits; lens [place][position]: the logit difference there */
  const measured = ({ weights, heads }, { after, patterns, lens }, tokens, position, [a, b]) => {
    const effects = Playground.directEffects(weights, after.cache, position, a, b);
    const scoreOf = (name) => {
      const [layer, head] = name.split(".");
      const pattern = patterns[name].after;
      const [toAnswer, toOther] = [a, b].map((id) => Playground.attentionTo(pattern, tokens, position, id));
      const effect = effects.heads[layer][head];
      return { ...Playground.scoresOf(pattern, tokens), toAnswer, toOther, effect };
    };
    return {
      scores: Object.fromEntries(heads.map((name) => [name, scoreOf(name)])),
      effects,
      lens: lens.map(({ logits, cells }) =>
        cells.map((cell, i) => {
          const here = rowOf(logits, i, weights.vocab);
          return { ...cell, difference: here[a] - here[b] };
        }),
      ),
    };
  };

  /* A function from the page's state (state.js) to what it shows. With it come `preparing(state)`, which
     makes most of that in pieces, and `preview`, which says what other changes would do.

     What it shows:

     {problem}, a sentence, where the prompt cannot be read; else
     weights, tokens [n], n, m: tokens of the second prompt, 0 where it cannot be read
     notes: sentences about what was left out; changes: those that were made
     before, after: {cache, logits} without and with the changes
     patterns {"1.3": {before, after, difference, moved}}
     position, answerId, otherId, diffBefore, diffAfter: the logit difference that is read
     best {before, after: {id, probability}}: the most probable token there
     guesses [{id, before, after}]: the most probable tokens there, and their probabilities
     scores {"1.3": {previous, first, duplicate, induction, toAnswer, toOther, effect}}
     effects {heads [layer][head], mlps [layer], rest, total}
     lens [place][position] {best, probability, difference}
     losses [n - 1], made when it is asked for */
  const computer = (model) => {
    const { weights, tokenizer, mean, heads, read } = model;
    const unchanged = keepLast((tokens) => Playground.forward(weights, tokens));
    const sourceOf = keepLast((tokens) => Playground.run(weights, tokens));
    const changed = (tokens, changes, source) => {
      const from = source.length ? sourceOf(source) : null;
      const hooks = Playground.hooksFor(weights, changes, tokens.length, mean, from);
      return Playground.forward(weights, tokens, hooks);
    };
    const passes = keepLast((tokens, changes, source) => {
      const before = unchanged(tokens);
      const after = changes.length ? changed(tokens, changes, source) : before;
      const n = tokens.length;
      const patterns = patternsOf(heads, before, after, n);
      return { before, after, patterns, lens: Playground.atOnce(readingLens(weights, after, n)) };
    });

    /* What an unchanged model says of a prompt, made in pieces, and kept for when it is asked for. */
    function* preparing({ prompt }) {
      const tokens = read(prompt);
      if (problemWith(tokens, prompt, weights)) return;
      const cache = yield* Playground.running(weights, tokens);
      const before = { cache, logits: Playground.unembed(weights, cache[Playground.residNames(weights).at(-1)]) };
      yield;
      const patterns = patternsOf(heads, before, before, tokens.length);
      const lens = yield* readingLens(weights, before, tokens.length);
      unchanged.keep(before, tokens);
      passes.keep({ before, after: before, patterns, lens }, tokens, [], []);
    }

    const everything = keepLast((prompt, second, asked, at, words) => {
      const tokens = read(prompt);
      const problem = problemWith(tokens, prompt, weights);
      if (problem) return { problem };
      const n = tokens.length;
      const source = second.trim() ? read(second) : [];
      const m = source.length > weights.nCtx ? 0 : source.length;
      const { changes, notes } = sorted(weights, asked, n, m);
      const patched = changes.some(({ how }) => how === "patch");
      const made = passes(tokens, changes, patched ? source : []);
      const position = at === null || at >= n ? n - 1 : at;
      const [before, after] = [made.before, made.after].map((run) => rowOf(run.logits, position, weights.vocab));
      const [probBefore, probAfter] = [before, after].map(Playground.softmax);
      const pair = compared(tokenizer, words, Playground.top(probBefore, 2));
      const [a, b] = pair.ids;
      return {
        weights, tokens, n, m, changes, position, ...made,
        notes: [...notes, ...pair.notes],
        answerId: a,
        otherId: b,
        diffBefore: before[a] - before[b],
        diffAfter: after[a] - after[b],
        best: { before: bestOf(probBefore), after: bestOf(probAfter) },
        guesses: Playground.top(probAfter, N_GUESSES).map((id) => ({
          id, before: probBefore[id], after: probAfter[id],
        })),
        ...measured(model, made, tokens, position, pair.ids),
        get losses() {
          return Playground.losses(made.after.logits, tokens);
        },
      }; // prettier-ignore
    });
    const compute = ({ prompt, source, changes, at, answer, other }) =>
      everything(prompt, source, changes, at, [answer, other]);

    /* What other changes would do to a result, without keeping anything of it.
       -> {best {id, probability}, difference}; null where they cannot be made */
    const preview = ({ tokens, n, m, position, answerId, otherId }, { source }, asked) => {
      const { changes, notes } = sorted(weights, asked, n, m);
      if (notes.length) return null;
      const patched = changes.some(({ how }) => how === "patch");
      const hooks = Playground.hooksFor(weights, changes, n, mean, patched ? sourceOf(read(source)) : null);
      const stream = Playground.run(weights, tokens, hooks)[Playground.residNames(weights).at(-1)];
      const logits = Playground.unembed(weights, rowOf(stream, position, weights.dModel));
      return { best: bestOf(Playground.softmax(logits)), difference: logits[answerId] - logits[otherId] };
    };
    return Object.assign(compute, { preparing, preview });
  };

  Object.assign(Playground, { computer, openModel, openingModel });
})();
