/* The playground as a page: it holds what the reader asks for, has everything computed that follows from
   it, and lets each view show its part. The state stands in the address. */
(() => {
  "use strict";
  const P = (window.Playground = window.Playground || {});
  const h = window.courseElement;

  const TYPING = 150; // milliseconds without a key after which what was typed is read

  /* The name of a head that the model has, as it stands in the results; the first one for any other. */
  const headOr = (asked, { weights, heads }) => {
    const isHead = /\./.test(asked) && P.place(weights, asked);
    return isHead ? asked.split(".").map(Number).join(".") : heads[0];
  };

  /* How the views stand on the page. -> what is hidden while the prompt cannot be read */
  const resultsOf = (views) =>
    h("div", {},
      h("h2", {}, "Tokens and predictions"),
      h("p", {}, "Choose a token to read the prediction after it."),
      views.tokens.box,
      h("div", { class: "pg-columns" }, views.predictions.box, views.difference.box),
      h("h2", {}, "Attention patterns and switches"),
      h("p", {}, "A row for each token that looks, a column for each that is looked at. Click a pattern to enlarge it. The button under it changes the head."),
      h("div", { class: "pg-columns pg-options" }, views.changes.modes, views.patterns.shows),
      views.second.box,
      views.changes.active,
      h("div", { class: "pg-columns pg-patterns" }, views.patterns.box, views.large.box),
      h("h2", {}, "Scores on this prompt"),
      h("p", {}, "Mean attention, with the changes. Duplicate and induction count the tokens that stood in the prompt before. The last columns are read at the chosen token; the direct effects, in logits, add up to the logit difference."),
      views.scores.box,
      h("h2", {}, "Logit lens"),
      h("p", {}, "What the model would predict if it stopped after a layer: the final LayerNorm and the unembedding, applied to the residual stream there."),
      views.lens.box,
      h("h2", {}, "Puzzles"),
      h("p", {}, "Predict first, then try. Each check measures what you did."),
      views.puzzles.box); // prettier-ignore

  const ROUNDED = "These numbers come from weights rounded to 8 bits. The exact ones are on their way.";
  const EXACT = "These numbers come from the model's exact weights.";

  /* Builds the page with a model whose weights may be rounded. -> exact(file, done), which puts the exact
     ones in their place, and fail(text), which says why they do not come */
  P.openPage = (root, file, { isRounded = false } = {}) => {
    const model = P.openModel(file);
    let compute = P.computer(model);
    const precision = h("p", { class: "pg-note pg-precision" }, isRounded ? ROUNDED : EXACT);
    const status = h("p", { class: "pg-problem", role: "status", hidden: true });
    let typing = 0;

    /* What the views know of the page. They read what they show from `state`, which is in the address,
       `result`, which compute.js made of it, and the three that no address holds. */
    const page = {
      model,
      isRounded,
      state: P.startState(),
      result: null,
      mode: "zero", // what a switch sets a part to
      focus: null, // the position whose attention is shown; null: the one that is read
      verdicts: new Map(), // by puzzle
      shown: (id) => P.format.visible(model.textOf(id)),

      /* Text in the status line; empty text hides it. */
      say(text) {
        status.textContent = text;
        status.hidden = !text;
      },
      update(change = {}, { keepFocus = false } = {}) {
        const state = { ...page.state, ...change };
        page.state = { ...state, head: headOr(state.head, model) };
        page.result = compute(page.state);
        if (!keepFocus) page.focus = null;
        history.replaceState(null, "", location.pathname + P.writeAddress(page.state));
        page.render();
      },
      /* Changes a part, or undoes its change where `change` is null. */
      setChange(part, change) {
        const others = page.state.changes.filter((c) => c.part !== part);
        const changes = change ? [...others, { part, ...change }] : others;
        page.update({ changes }, { keepFocus: true });
      },
      setMode(mode) {
        page.mode = mode;
        if (mode === "patch") views.second.open();
        page.render();
      },
      reset() {
        page.verdicts.clear();
        page.mode = "zero";
        page.say("");
        page.update(P.startState());
      },
      /* What is typed is read when the typing pauses. change() -> as for update */
      later(change) {
        clearTimeout(typing);
        typing = setTimeout(() => page.update(change()), TYPING);
      },
      textarea: (key, also = {}) =>
        h("textarea", {
          rows: 2, spellcheck: "false", autocapitalize: "off",
          oninput: (event) => page.later(() => ({ [key]: event.target.value, ...also })),
        }), // prettier-ignore
      render() {
        views.prompt.render();
        results.hidden = Boolean(page.result.problem);
        if (page.result.problem) return;
        sayNotes(page.result.notes);
        inResults.forEach((view) => view.render());
      },
    };

    /* What was left out is said, and goes when nothing is left out any more. */
    const sayNotes = (notes) => {
      if (notes.length) page.say(notes.join(" "));
      else if (status.dataset.notes) page.say("");
      status.dataset.notes = notes.length ? "yes" : "";
    };

    const second = P.views.second(page);
    const views = {
      prompt: P.views.prompt(page),
      tokens: P.views.tokens(page),
      predictions: P.views.predictions(page),
      difference: P.views.difference(page),
      changes: P.views.changes(page),
      second,
      patterns: P.views.patterns(page, second.at),
      large: P.views.large(page),
      scores: P.views.scores(page),
      lens: P.views.lens(page),
      puzzles: P.views.puzzles(page),
    };
    const { prompt, ...others } = views;
    const inResults = Object.values(others);
    const results = resultsOf(views);
    root.replaceChildren(...prompt.box, precision, status, results);

    // Links from the chapters ask with `?`, which other scripts of the site leave alone; from then on
    // the state stands behind `#`, which no browser sends to a host.
    const fromAddress = () => {
      const asks = location.hash.includes("=") ? location.hash : location.search;
      const { state: asked, unknown } = P.readAddress(asks);
      page.update(asked);
      if (unknown.length) page.say(`The address asks for something the page does not know: ${unknown.join(", ")}.`);
    };
    window.addEventListener("hashchange", () => {
      if (location.hash.includes("=") || !location.hash) fromAddress();
    });
    // The colours of patterns and tints are the theme's, so they are drawn anew with another one.
    new MutationObserver(page.render).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-theme"],
    });
    fromAddress();

    return {
      /* In two pieces of work, so that the reader is not kept waiting for both; then `done`. */
      exact(whole, done) {
        const exactModel = P.openModel(whole);
        setTimeout(() => {
          page.model = exactModel;
          compute = P.computer(exactModel);
          page.isRounded = false;
          precision.textContent = EXACT;
          page.update({}, { keepFocus: true });
          done();
        });
      },
      fail: (text) => precision.replaceChildren(h("span", { class: "pg-problem", role: "alert" }, text)),
    };
  };
})();
