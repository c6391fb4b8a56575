/* The playground as a page: it holds what the reader asks for, has everything computed that follows from
   it, and lets each view show its part. The state stands in the address. */
(() => {
  "use strict";
  const P = (window.Playground = window.Playground || {});
  const h = window.courseElement;

  const TYPING = 150; // milliseconds without a key after which what was typed is read
  const SEEN = 200; // pixels of the large pattern that are enough to see it change

  /* The name of a head that the model has, as it stands in the results; the first one for any other. */
  const headOr = (asked, { weights, heads }) => {
    const isHead = /\./.test(asked) && P.place(weights, asked);
    return isHead ? asked.split(".").map(Number).join(".") : heads[0];
  };

  /* A part of the page with a name in its table of contents (playground.py has the same). */
  const section = (id, title, ...content) => h("section", { id, class: "pg-section" }, h("h2", {}, title), ...content);

  /* How the views stand on the page. -> sections, all of which are hidden while the prompt cannot be read */
  const sectionsOf = (views) => ({
    tokens:
      section("pg-tokens", "Tokens and predictions",
        h("p", {}, "Choose a token to read the prediction after it."),
        views.tokens.box,
        h("div", { class: "pg-columns" }, views.predictions.box, views.difference.box)),
    patterns:
      section("pg-patterns", "Attention patterns, switches and puzzles",
        h("p", {}, "A row for each token that looks, a column for each that is looked at. Click a pattern to enlarge it. The button under it changes the head."),
        h("div", { class: "pg-columns pg-options" }, views.changes.modes, views.patterns.shows),
        views.second.box,
        h("div", { class: "pg-columns pg-patterns" },
          views.patterns.box,
          h("div", {},
            h("section", { "aria-label": "Puzzles" },
              h("h3", {}, "Puzzles"),
              h("p", {}, "Predict first, then try. Each check measures what you did."),
              views.puzzles.box),
            views.large.box))),
    scores:
      section("pg-scores", "Scores on this prompt",
        h("p", {}, "Mean attention, with the changes. Duplicate and induction count the tokens that stood in the prompt before. The last columns are read at the chosen token; the direct effects, in logits, add up to the logit difference."),
        views.scores.box),
    lens:
      section("pg-lens", "Logit lens",
        h("p", {}, "What the model would predict if it stopped after a layer: the final LayerNorm and the unembedding, applied to the residual stream there."),
        views.lens.box),
  }); // prettier-ignore

  const ROUNDED = "These numbers come from weights rounded to 8 bits. The exact ones are on their way.";
  const EXACT = "These numbers come from the model's exact weights.";

  /* Builds the page with a model whose weights may be rounded, in pieces; `usable` is called once there
     is something to use.
     -> a promise of exact(file), which puts the exact ones in their place, and fail(text), which says why
     they do not come */
  P.openPage = async (root, file, { isRounded = false, usable = () => {} } = {}) => {
    const model = await P.inSlices(P.openingModel(file));
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
      ghost: null, // what one more change would do: {name, best, difference}
      mode: "zero", // what a switch sets a part to
      focus: null, // the position whose attention is shown; null: the one that is read
      verdicts: new Map(), // by puzzle
      shown: (id) => P.format.visible(model.textOf(id)),

      /* Text in the status line; empty text hides it. */
      say(text) {
        status.textContent = text;
        status.hidden = !text;
      },
      update(change = {}, also = {}) {
        page.ask(change, also);
        page.render();
      },
      /* Computes what follows from a change of the state, and shows nothing yet. */
      ask(change, { keepFocus = false } = {}) {
        const state = { ...page.state, ...change };
        page.state = { ...state, head: headOr(state.head, model) };
        page.result = compute(page.state);
        page.ghost = null;
        if (!keepFocus) page.focus = null;
        history.replaceState(null, "", location.pathname + P.writeAddress(page.state));
      },
      /* Shows in the bar what a press would do to a part, {part, change}; null: nothing. */
      preview(asked) {
        if (page.result.problem) return;
        const made = asked && compute.preview(page.result, page.state, changesWith(asked.part, asked.change));
        page.ghost = made && { ...made, name: P.format.previewName(asked) };
        views.effect.renderPreview();
      },
      /* Shows a head's pattern large, and brings it into view where it is not. */
      enlarge(head) {
        page.update({ head }, { keepFocus: true });
        const box = views.large.box.getBoundingClientRect();
        const seen = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
        if (seen < SEEN) views.large.box.scrollIntoView({ block: "nearest" });
      },
      /* Changes a part, or undoes its change where `change` is null. */
      setChange(part, change) {
        page.update({ changes: changesWith(part, change) }, { keepFocus: true });
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
      render: () => P.atOnce(page.rendering()),
      /* A view at a time, those first that are seen first. */
      *rendering() {
        views.prompt.render();
        const refused = Boolean(page.result.problem);
        results.hidden = views.effect.box.hidden = refused;
        root.toggleAttribute("data-refused", refused);
        if (!refused) sayNotes(page.result.notes);
        for (const view of inResults) {
          if (!page.result.problem) view.render();
          yield view;
        }
      },
    };
    const changesWith = (part, change) => {
      const others = page.state.changes.filter((c) => c.part !== part);
      return change ? [...others, { part, ...change }] : others;
    };

    /* What was left out is said, and goes when nothing is left out any more. */
    const sayNotes = (notes) => {
      if (notes.length) page.say(notes.join(" "));
      else if (status.dataset.notes) page.say("");
      status.dataset.notes = notes.length ? "yes" : "";
    };

    const second = P.views.second(page);
    const changes = P.views.changes(page);
    // In the order in which they are filled: what is seen first, then the rest.
    const views = {
      prompt: P.views.prompt(page),
      effect: P.views.effect(page, changes.active),
      changes,
      tokens: P.views.tokens(page),
      predictions: P.views.predictions(page),
      difference: P.views.difference(page),
      second,
      patterns: P.views.patterns(page, second.at),
      large: P.views.large(page),
      puzzles: P.views.puzzles(page),
      scores: P.views.scores(page),
      lens: P.views.lens(page),
    };
    const { prompt, ...others } = views;
    const inResults = Object.values(others);
    const sections = sectionsOf(views);
    const results = h("div", {}, sections.tokens);

    // Links from the chapters ask with `?`, which other scripts of the site leave alone; from then on
    // the state stands behind `#`, which no browser sends to a host.
    const fromAddress = () => P.readAddress(location.hash.includes("=") ? location.hash : location.search);
    const sayUnknown = ({ unknown }) => {
      if (unknown.length) page.say(`The address asks for something the page does not know: ${unknown.join(", ")}.`);
    };
    window.addEventListener("hashchange", () => {
      if (!page.result || (!location.hash.includes("=") && location.hash)) return;
      const asked = fromAddress();
      page.update(asked.state);
      sayUnknown(asked);
    });
    // The colours of patterns and tints are the theme's, so they are drawn anew with another one. It may
    // come before there is anything to draw.
    new MutationObserver(() => page.result && page.render()).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-theme"],
    });

    /* Fills the views, and puts each section on the page when it is filled. */
    function* opening() {
      for (const view of page.rendering()) {
        if (view === views.difference) root.replaceChildren(...prompt.box, precision, status, views.effect.box, results);
        if (view === views.patterns) {
          yield results.append(sections.patterns);
          usable();
        }
        yield;
      }
      yield results.append(sections.scores);
      results.append(sections.lens);
    }

    const asked = fromAddress();
    await P.inSlices(compute.preparing(asked.state));
    page.ask(asked.state);
    await P.inSlices(opening());
    sayUnknown(asked);

    return {
      /* In pieces, so that the reader is not kept waiting. */
      async exact(whole) {
        const exactModel = await P.inSlices(P.openingModel(whole));
        const exactly = P.computer(exactModel);
        await P.inSlices(exactly.preparing(page.state));
        [page.model, compute] = [exactModel, exactly];
        page.isRounded = false;
        precision.textContent = EXACT;
        page.ask({}, { keepFocus: true });
        await P.inSlices(page.rendering());
      },
      fail: (text) => precision.replaceChildren(h("span", { class: "pg-problem", role: "alert" }, text)),
    };
  };
})();
