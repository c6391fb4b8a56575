/* Small questions to answer with the playground. Each check measures: no answer is written down here.

   A check gets the page's state and what it computed, and returns {right, text}. */
(() => {
  "use strict";
  const Playground = (window.Playground = window.Playground || {});
  const { IOI, REPEATED } = Playground.PROMPTS;

  const no = (text) => ({ right: false, text });
  const yes = (text) => ({ right: true, text });
  const percent = (p) => `${Math.round(100 * p)} %`;
  const logits = (x) => x.toFixed(2);

  /* Mean loss on the second half of words written twice, from its second word on, and on the first. */
  const halves = (losses) => {
    const seq = Math.ceil(losses.length / 2);
    return [Playground.mean(losses.slice(0, seq)), Playground.mean(losses.slice(seq + 1))];
  };

  const previousHead = {
    id: "previous-token-head",
    title: "Find the previous-token head",
    setup: { ...REPEATED },
    task: "One head looks, from nearly every word, at the word before it. Enlarge it, then check.",
    hint: "Its pattern is a line one step below the diagonal. The table of scores has a column for it.",
    check: (state, { patterns, tokens }) => {
      const score = (name) => Playground.scoresOf(patterns[name].before, tokens).previous;
      const best = Object.keys(patterns).sort((a, b) => score(b) - score(a))[0];
      const found = `Head ${state.head} gives ${percent(score(state.head))} of its attention to the word before.`;
      return state.head === best
        ? yes(`${found} No other head gives as much.`)
        : no(`${found} Another head gives more.`);
    },
  };

  const breakInduction = {
    id: "break-induction",
    title: "Break induction with one click",
    setup: { ...REPEATED },
    task:
      "The model continues words that are written twice. Make it fail with one change: the second half " +
      "must cost more than half as much as the first.",
    hint:
      "Several heads find the word after the match. They can only find it because one head, in the layer " +
      "before, has written down which word stood before which.",
    check: (state, { losses, changes }) => {
      if (!changes.length) return no("Nothing is changed yet. Switch off one part.");
      if (changes.length > 1) return no(`${changes.length} parts are changed: do it with one.`);
      const [first, second] = halves(losses);
      const cost = `The first half costs ${logits(first)} nats a word, the second ${logits(second)}.`;
      if (second <= first / 2) return no(`${cost} The model still repeats. Undo this and try another part.`);
      return changes[0].part === "positions"
        ? yes(`${cost} Without positions no head can tell which word came before. One head is enough, too: which?`)
        : yes(`${cost} One part was enough, and it is not one of the heads that look at the answer.`);
    },
  };

  const nameMover = {
    id: "name-mover",
    title: "Find who moves the name",
    setup: { ...IOI },
    task:
      "The model answers Mary. Some head looks from “ to” at Mary and writes that name into the " +
      "prediction. Enlarge one, then check.",
    hint:
      "You need both: the attention from the last position, and the direct effect on the logit " +
      "difference. A head may look at the name and write little.",
    check: (state, result) => {
      const { weights, tokens, before, patterns, answerId, otherId, position } = result;
      const effects = Playground.directEffects(weights, before.cache, position, answerId, otherId);
      const [layer, head] = state.head.split(".");
      const effect = effects.heads[layer][head];
      const attention = Playground.attentionTo(patterns[state.head].before, tokens, position, answerId);
      const found = `Head ${state.head} gives ${percent(attention)} of its attention to Mary, and writes ${logits(effect)} of the ${logits(effects.total)} logits.`;
      if (attention < 0.5) return no(`${found} It looks elsewhere.`);
      if (effect < Math.max(...effects.heads.flat()) / 2) return no(`${found} It looks, and hardly moves the name.`);
      return yes(`${found} It looks at the name and moves it.`);
    },
  };

  const turnRound = {
    id: "turn-round-late",
    title: "Turn the answer round, late",
    setup: { ...IOI },
    task:
      "The second prompt differs in one word: Mary gives. Patch one position of the residual stream " +
      "after layer 0, so that the model answers John.",
    hint: "The word that differs is at position 10. Has layer 0 left what matters there?",
    check: (state, { changes, diffAfter }) => {
      if (changes.length !== 1) return no("Make one change: a patch of the residual stream.");
      const [{ part, how, at }] = changes;
      if (part !== "resid1" || how !== "patch" || at === "all") {
        return no("This is another kind of change. Patch the stream after layer 0, at one position.");
      }
      return diffAfter < 0
        ? yes(`The logit difference is now ${logits(diffAfter)}. What decides the name has left its word after one layer.`)
        : no(`The logit difference is ${logits(diffAfter)}: still Mary. Try another position.`);
    },
  };

  const inTheWay = {
    id: "in-the-way",
    title: "Find a head that stands in the way",
    setup: { ...IOI },
    task:
      "Without one of the heads, the model is more certain of Mary: the logit difference grows by at " +
      "least 1. Set that head to zero.",
    hint: "Look at the difference before and after, one head at a time. There are eight.",
    check: (state, { changes, diffBefore, diffAfter }) => {
      const heads = changes.filter(({ part, how }) => /^\d/.test(part) && how === "zero");
      if (changes.length !== 1 || !heads.length) return no("Set one head to zero, and change nothing else.");
      const found = `The logit difference goes from ${logits(diffBefore)} to ${logits(diffAfter)}.`;
      return diffAfter - diffBefore >= 1
        ? yes(`${found} Zero may lie far from what the model met in training, so check with the mean before you say what this head does.`)
        : no(`${found} Try another head.`);
    },
  };

  Playground.PUZZLES = [previousHead, breakInduction, nameMover, turnRound, inTheWay];
})();
