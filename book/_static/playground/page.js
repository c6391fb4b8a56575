/* The playground's furniture: reads what the reader asks for, runs the model, and shows the result. */
(() => {
  "use strict";
  const P = (window.Playground = window.Playground || {});

  const SHOW = { after: "with the changes", before: "without them", difference: "the difference" };
  const HOW = {
    zero: "zero",
    mean: "its mean over the reference prompts",
    patch: "its value in the second prompt",
  };
  const LABELS_UP_TO = 40; // tokens; more are not readable beside a pattern

  /* An element: h("button", {class: "x", onclick: f}, "text", child) */
  const h = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children.flat().filter((child) => child != null));
    return element;
  };

  const number = (x) => (Number.isNaN(x) ? "–" : x.toFixed(2).replace("-", "−"));
  const signed = (x) => (x > 0 ? `+${number(x)}` : number(x));
  const probability = (p) => (p < 0.001 ? "< 0.1 %" : `${(100 * p).toFixed(1)} %`);

  P.openPage = (root, file) => {
    const weights = P.loadWeights(file);
    const tokenizer = new P.Tokenizer(file.tokenizer);
    const read = (text) => [tokenizer.bos, ...tokenizer.encode(text)];
    const references = file.reference.map((text) => read(text).slice(0, weights.nCtx));
    const mean = P.referenceMeans(weights, references);
    const textOf = (id) => (id === tokenizer.bos ? "BOS" : tokenizer.decode([id]));
    const shown = (id) => textOf(id).replace(/ /g, "␣").replace(/\n/g, "⏎");
    const layers = weights.blocks.map((_, layer) => layer);
    const heads = Array.from({ length: weights.nHeads }, (_, head) => head);
    const allHeads = layers.flatMap((layer) => heads.map((head) => [layer, head]));

    let state = P.startState();
    let result = null;
    let mode = "zero"; // what a switch sets a part to
    let focus = null; // the token whose attention is shown
    let verdicts = new Map();

    /* ---- What the model does -------------------------------------------------------------- */

    const problemWith = (tokens, text) => {
      if (!text.trim()) return "The prompt is empty: type some words, or pick a prompt.";
      return tokens.length > weights.nCtx
        ? `The prompt is too long: ${tokens.length} tokens with BOS, and the model reads at most ${weights.nCtx}.`
        : null;
    };

    /* Everything that is shown follows from the state. -> result, or {problem} */
    const compute = () => {
      const tokens = read(state.prompt);
      const problem = problemWith(tokens, state.prompt);
      if (problem) return { problem };
      const n = tokens.length;
      const sourceTokens = state.source.trim() ? read(state.source) : [];
      const m = sourceTokens.length > weights.nCtx ? 0 : sourceTokens.length;
      const source = m ? P.run(weights, sourceTokens) : null;
      const notes = [];
      const changes = state.changes.filter((change) => {
        const why = P.refusal(weights, change, n, m);
        if (why) notes.push(`${P.writeChange(change)} was left out. ${why}`);
        return !why;
      });
      const before = P.forward(weights, tokens);
      const after = changes.length
        ? P.forward(weights, tokens, P.hooksFor(weights, changes, n, mean, source))
        : before;
      const position = state.at === null || state.at >= n ? n - 1 : state.at;
      const at = (logits) => logits.subarray(position * weights.vocab, (position + 1) * weights.vocab);
      const [probBefore, probAfter] = [before, after].map((run) => P.softmax(at(run.logits)));
      const guesses = P.top(probBefore, 2);
      const [answerId, otherId] = [state.answer, state.other].map((word, i) => {
        const id = word ? tokenizer.single(word) : guesses[i];
        if (id !== null) return id;
        notes.push(`“${word}” is ${tokenizer.encode(` ${word}`).length} tokens here: choose a word that is one.`);
        return guesses[i];
      });
      const difference = (run) => at(run.logits)[answerId] - at(run.logits)[otherId];
      return {
        weights, tokens, n, m, notes, changes, before, after, position, probBefore, probAfter,
        answerId, otherId, diffBefore: difference(before), diffAfter: difference(after),
        get losses() {
          return P.losses(after.logits, tokens);
        },
      }; // prettier-ignore
    };

    const update = (change = {}, { keepFocus = false } = {}) => {
      state = { ...state, ...change };
      if (!P.place(weights, state.head) || !/\./.test(state.head)) state.head = "0.0";
      result = compute();
      if (!keepFocus) focus = null;
      history.replaceState(null, "", location.pathname + P.writeAddress(state));
      render();
    };

    const setChange = (part, change) => {
      const others = state.changes.filter((c) => c.part !== part);
      update({ changes: change ? [...others, { part, ...change }] : others }, { keepFocus: true });
    };

    /* ---- Parts of the page ------------------------------------------------------------------ */

    const say = (text) => {
      status.textContent = text;
      status.hidden = !text;
    };
    const status = h("p", { class: "pg-problem", role: "status", hidden: true });

    const option = (value, text) => h("option", { value }, text);
    const field = (label, control, ...more) => {
      const id = `pg-${label.replace(/\W+/g, "-").toLowerCase()}`;
      control.id = id;
      return h("div", { class: "pg-field" }, h("label", { for: id }, label), control, ...more);
    };

    const pick = h(
      "select",
      {
        onchange: () => {
          if (pick.value === "own") return prompt.focus();
          const { name, ...example } = P.EXAMPLES[pick.value];
          update({ ...example, at: null, changes: [] });
        },
      },
      P.EXAMPLES.map(({ name }, i) => option(i, name)),
      option("own", "Your own"),
    );
    let typing = 0;
    const later = (change) => {
      clearTimeout(typing);
      typing = setTimeout(() => update(change()), 150);
    };
    const text = (rows, key, extra) =>
      h("textarea", {
        rows, spellcheck: "false", autocapitalize: "off",
        oninput: (event) => later(() => ({ [key]: event.target.value, ...extra })),
      }); // prettier-ignore
    const prompt = text(2, "prompt", { at: null });
    const count = h("p", { class: "pg-note" });
    const word = (key) =>
      h("input", {
        type: "text", autocapitalize: "off", spellcheck: "false", autocomplete: "off",
        placeholder: key === "answer" ? "its best guess" : "its second guess",
        oninput: (event) => later(() => ({ [key]: event.target.value.trim() })),
      }); // prettier-ignore
    const answer = word("answer");
    const other = word("other");

    const button = (label, onclick, attributes = {}) =>
      h("button", { type: "button", onclick, ...attributes }, label);
    const copy = async () => {
      try {
        await navigator.clipboard.writeText(location.href);
        say("The address of what you see is on the clipboard.");
      } catch {
        say("The browser did not allow copying: copy the address from its address bar.");
      }
    };
    const reset = () => {
      verdicts = new Map();
      mode = "zero";
      say("");
      update(P.startState());
    };

    /* Arrow keys move within a row of buttons, of which one is reached by Tab. */
    const row = (label, buttons, current, className) => {
      const list = [...buttons];
      list.forEach((b, i) => b.setAttribute("tabindex", i === current ? "0" : "-1"));
      const onkeydown = (event) => {
        const at = list.indexOf(document.activeElement);
        const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: list.length - 1 }[event.key];
        if (at < 0 || to === undefined || !list[to]) return;
        event.preventDefault();
        list[to].focus();
      };
      return h("div", { role: "group", "aria-label": label, class: className, onkeydown }, list);
    };

    const tokenRow = h("div");
    const predictions = h("div", { class: "pg-scroll" });
    const predictionTitle = h("h3");
    const difference = h("dl", { class: "pg-difference" });

    const radios = (name, legend, choices, get, set) => {
      const inputs = Object.entries(choices).map(([value, label]) => {
        const input = h("input", { type: "radio", name, value, onchange: () => set(value) });
        return [input, h("label", {}, input, ` ${label}`)];
      });
      const box = h("fieldset", { class: "pg-radios" }, h("legend", {}, legend), inputs.map(([, l]) => l));
      box.refresh = () => inputs.forEach(([input]) => (input.checked = input.value === get()));
      return box;
    };
    const modes = radios("pg-mode", "A switch sets a part to", HOW, () => mode, (value) => {
      mode = value;
      if (value === "patch") second.open = true;
      render();
    });
    const shows = radios("pg-show", "Patterns", SHOW, () => state.show, (show) => update({ show }, { keepFocus: true }));

    const patchAt = h("select");
    const residAt = h("select");
    const residLayer = h(
      "select",
      {},
      [...layers, weights.nLayers].map((l) => option(l, l ? `after layer ${l - 1}` : "before layer 0")),
    );
    const source = text(2, "source");
    const sourceNote = h("p", { class: "pg-note" });
    const second = h(
      "details",
      { class: "pg-box" },
      h("summary", {}, "A second prompt, to patch from"),
      field("Second prompt", source, sourceNote),
      h("div", { class: "pg-row" },
        field("A patched head takes its value at", patchAt)),
      h("div", { class: "pg-row" },
        field("Residual stream", residLayer),
        field("at position", residAt),
        button("Patch it", () => setChange(`resid${residLayer.value}`, { how: "patch", at: +residAt.value }), { class: "pg-plain" })),
    ); // prettier-ignore

    const flip = (part) => {
      if (state.changes.some((c) => c.part === part)) return setChange(part, null);
      const how = part === "positions" ? "zero" : mode;
      const at = patchAt.value === "all" ? "all" : +patchAt.value;
      return setChange(part, how === "patch" ? { how, at } : { how });
    };
    const switchOf = (part, name) => {
      const control = button("on", () => flip(part), { class: "pg-switch" });
      control.refresh = () => {
        const change = state.changes.find((c) => c.part === part);
        const written = change ? { patch: "patched" }[change.how] || change.how : "on";
        control.textContent = written;
        control.setAttribute("aria-pressed", String(Boolean(change)));
        const how = part === "positions" ? "zero" : mode;
        const does = change ? "Press to undo." : `Press to set it to ${HOW[how]}.`;
        // The name holds what is written on the button, for those who speak to their browser.
        const said = change ? `set to ${HOW[change.how]}` : "on";
        const stands = said.includes(written) ? said : `${written}, ${said}`;
        control.setAttribute("aria-label", `${name}: ${stands}. ${does}`);
        control.title = does;
      };
      return control;
    };

    const cards = allHeads.map(([layer, head]) => {
      const name = `${layer}.${head}`;
      const canvas = h("canvas", { "aria-hidden": "true" });
      const thumb = button(canvas, () => update({ head: name }, { keepFocus: true }), { class: "pg-thumb" });
      const control = switchOf(name, `Head ${name}`);
      const change = h("span", { class: "pg-moved" });
      const box = h("div", { class: "pg-head" }, thumb, h("div", { class: "pg-caption" }, h("span", {}, name), control), change);
      box.refresh = () => {
        P.drawPattern(canvas, chosenPattern(layer, head), result.n);
        const moved = movedOf(layer, head);
        change.textContent = result.changes.length ? `moved ${number(moved)}` : "";
        thumb.setAttribute("aria-pressed", String(state.head === name));
        thumb.setAttribute("aria-label", `Enlarge the pattern of head ${name}${result.changes.length ? `, of which ${number(moved)} moved` : ""}`);
        control.refresh();
      };
      return { layer, box };
    });
    const mlps = layers.map((layer) => switchOf(`mlp${layer}`, `MLP of layer ${layer}`));
    const positions = switchOf("positions", "Positional embeddings");
    const grid = h(
      "div",
      {},
      layers.map((layer) =>
        h("div", { class: "pg-layer", role: "group", "aria-label": `Layer ${layer}` },
          h("div", { class: "pg-layer-name" }, `Layer ${layer}`, h("span", { class: "pg-mlp" }, "MLP ", mlps[layer])),
          h("div", { class: "pg-heads", style: `--pg-columns: ${weights.nHeads}` },
            cards.filter((card) => card.layer === layer).map((card) => card.box)))),
      h("p", { class: "pg-embedding" }, "Positional embeddings ", positions),
    ); // prettier-ignore
    const active = h("div", { class: "pg-active" });

    const large = {
      title: h("h3"),
      canvas: h("canvas", { role: "img" }),
      left: h("div", { class: "pg-left", "aria-hidden": "true" }),
      below: h("div", { class: "pg-below", "aria-hidden": "true" }),
      mark: h("div", { class: "pg-mark", "aria-hidden": "true" }),
      looks: h("div"),
      looked: h("div", { class: "pg-strip" }),
      says: h("p", { class: "pg-says", "aria-live": "polite" }),
      pair: h("p", { class: "pg-note" }),
    };
    const frame = h("div", { class: "pg-frame" }, large.canvas, large.mark);
    frame.addEventListener("pointermove", (event) => overPattern(event));
    frame.addEventListener("pointerdown", (event) => overPattern(event));
    const overPattern = (event) => {
      const box = large.canvas.getBoundingClientRect();
      const cell = (offset, size) => Math.max(0, Math.min(result.n - 1, Math.floor((offset / size) * result.n)));
      const query = cell(event.clientY - box.top, box.height);
      const key = cell(event.clientX - box.left, box.width);
      const value = chosenPattern(...chosenHead())[query * result.n + key];
      large.pair.textContent = `From ${shown(result.tokens[query])} (${query}) to ${shown(result.tokens[key])} (${key}): ${number(value)}`;
      if (query !== focus) setFocus(query);
    };

    const scores = h("div", { class: "pg-scroll", tabindex: "0", role: "region", "aria-label": "Scores of each head" });
    const lens = h("div", { class: "pg-scroll", tabindex: "0", role: "region", "aria-label": "Logit lens" });
    const lensShows = h(
      "select",
      { onchange: () => render() },
      option("token", "the best guess"),
      option("difference", "the logit difference"),
    );

    const puzzles = P.PUZZLES.map((puzzle) => {
      const verdict = h("p", { class: "pg-verdict", role: "status" });
      const setUp = () => {
        verdicts.set(puzzle, { text: "Set up: the prompt and the two tokens above are this puzzle's." });
        const { name, ...setup } = puzzle.setup;
        update({ ...setup, at: null, changes: [], head: "0.0", show: "after" });
      };
      const check = () => {
        const off = state.prompt !== puzzle.setup.prompt || state.at !== null;
        const word = state.answer !== puzzle.setup.answer || state.other !== puzzle.setup.other;
        verdicts.set(puzzle, off || word
          ? { right: false, text: "This puzzle is about another prompt or other tokens: press “Set it up” first." }
          : puzzle.check(state, result)); // prettier-ignore
        render();
      };
      const box = h("details", { class: "pg-box pg-puzzle" },
        h("summary", {}, puzzle.title),
        h("p", {}, puzzle.task),
        h("div", { class: "pg-buttons" },
          button("Set it up", setUp), button("Check", check)),
        h("details", { class: "pg-hint" }, h("summary", {}, "Hint"), h("p", {}, puzzle.hint)),
        verdict); // prettier-ignore
      box.refresh = () => {
        const found = verdicts.get(puzzle);
        const judged = found && "right" in found;
        const word = judged ? (found.right ? "Right. " : "Not yet. ") : "";
        verdict.textContent = found ? word + found.text : "";
        verdict.className = `pg-verdict ${judged ? (found.right ? "pg-right" : "pg-wrong") : ""}`;
      };
      return box;
    });

    const results = h("div", {},
      h("h2", {}, "Tokens and predictions"),
      h("p", {}, "Choose a token to read the prediction after it."),
      tokenRow,
      h("div", { class: "pg-columns" },
        h("section", {}, predictionTitle, predictions),
        h("section", {}, h("h3", {}, "Logit difference"),
          h("div", { class: "pg-row" }, field("Token", answer), field("minus token", other)), difference)),
      h("h2", {}, "Attention patterns and switches"),
      h("p", {}, "A row for each token that looks, a column for each that is looked at. Click a pattern to enlarge it. The button under it changes the head."),
      h("div", { class: "pg-columns pg-options" }, modes, shows),
      second,
      active,
      h("div", { class: "pg-columns pg-patterns" },
        h("section", { "aria-label": "All patterns" }, grid),
        h("section", { "aria-label": "One pattern" }, large.title,
          h("div", { class: "pg-large" }, large.left, frame, large.below),
          large.pair, large.says,
          h("p", { class: "pg-strip-name" }, "where it looks"), large.looks,
          h("p", { class: "pg-strip-name" }, "who looks at it"), large.looked)),
      h("h2", {}, "Scores on this prompt"),
      h("p", {}, "Mean attention, with the changes. Duplicate and induction count the tokens that stood in the prompt before. The last columns are read at the chosen token; the direct effects, in logits, add up to the logit difference."),
      scores,
      h("h2", {}, "Logit lens"),
      h("p", {}, "What the model would predict if it stopped after a layer: the final LayerNorm and the unembedding, applied to the residual stream there."),
      field("Each cell shows", lensShows),
      lens,
      h("h2", {}, "Puzzles"),
      h("p", {}, "Predict first, then try. Each check measures what you did."),
      puzzles); // prettier-ignore

    root.replaceChildren(
      h("div", { class: "pg-row pg-top" },
        field("Pick a prompt", pick),
        h("div", { class: "pg-buttons" }, button("Reset", reset), button("Copy the address", copy))),
      field("Prompt", prompt, count),
      status,
      results,
    ); // prettier-ignore

    /* ---- Showing the result ----------------------------------------------------------------- */

    const chosenHead = () => state.head.split(".").map(Number);
    const movedOf = (layer, head) =>
      P.moved(
        P.patternOf(result.before.cache, layer, head, result.n),
        P.patternOf(result.after.cache, layer, head, result.n),
        result.n,
      );
    const chosenPattern = (layer, head) => {
      const [before, after] = [result.before, result.after].map((run) =>
        P.patternOf(run.cache, layer, head, result.n),
      );
      if (state.show === "difference") return after.map((value, i) => value - before[i]);
      return state.show === "before" ? before : after;
    };

    const fill = (input, value) => {
      if (document.activeElement !== input && input.value !== value) input.value = value;
    };
    const choices = (select, list) => {
      const old = select.value;
      select.replaceChildren(...list.map(([value, label]) => option(value, label)));
      if (list.some(([value]) => String(value) === old)) select.value = old;
    };

    /* A row of token buttons; keeps the keyboard's place when it is made anew. */
    const tokenButtons = (place, label, current, onclick, extra = () => ({})) => {
      const had = place.contains(document.activeElement);
      const buttons = result.tokens.map((id, i) =>
        button(shown(id), () => onclick(i), {
          class: "pg-token", "data-at": i, "aria-label": `${textOf(id)}, position ${i}`, ...extra(i),
        }), // prettier-ignore
      );
      place.replaceChildren(row(label, buttons, current, "pg-strip"));
      if (had) buttons[current].focus({ preventScroll: true });
    };

    const table = (heading, rows, caption) =>
      h("table", { class: "pg-table" },
        h("caption", { class: "pg-hidden" }, caption),
        h("thead", {}, h("tr", {}, heading.map((cell) => (cell ? h("th", { scope: "col" }, cell) : h("td", {}))))),
        h("tbody", {}, rows.map(([first, ...rest]) =>
          h("tr", {}, h("th", { scope: "row" }, first), rest.map((cell) => cell instanceof Node && cell.tagName === "TD" ? cell : h("td", {}, cell)))))); // prettier-ignore

    const bar = (p) => h("span", { class: "pg-bar", style: `--pg-share: ${(100 * p).toFixed(1)}%`, "aria-hidden": "true" });

    const renderPredictions = () => {
      const { tokens, position, probBefore, probAfter, changes } = result;
      predictionTitle.textContent = `After ${shown(tokens[position])} (${position})`;
      const rows = P.top(probAfter, 8).map((id) => [
        shown(id),
        ...(changes.length ? [probability(probBefore[id])] : []),
        h("td", { class: "pg-wide" }, bar(probAfter[id]), probability(probAfter[id])),
      ]);
      const heading = changes.length ? ["token", "before", "with the changes"] : ["token", "probability"];
      predictions.replaceChildren(table(heading, rows, "The most probable next tokens"));
    };

    const renderDifference = () => {
      const { answerId, otherId, diffBefore, diffAfter, changes } = result;
      const name = `logit of ${shown(answerId)} − logit of ${shown(otherId)}`;
      const pairs = changes.length
        ? [["before", number(diffBefore)], ["with the changes", number(diffAfter)], ["change", signed(diffAfter - diffBefore)]] // prettier-ignore
        : [[name, number(diffBefore)]];
      difference.replaceChildren(
        ...(changes.length ? [h("div", { class: "pg-note" }, h("dt", {}, name))] : []),
        ...pairs.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))),
      );
    };

    const nameOf = ({ part, how, at }) => {
      const resid = /^resid(\d+)$/.exec(part);
      const mlp = /^mlp(\d+)$/.exec(part);
      const name = resid
        ? `residual stream ${+resid[1] ? `after layer ${resid[1] - 1}` : "before layer 0"}`
        : mlp ? `MLP ${mlp[1]}` : part === "positions" ? "positional embeddings" : `head ${part}`; // prettier-ignore
      const where = at === "all" ? "at all positions" : `at position ${at}`;
      return how === "patch" ? `${name}: patched ${where}` : `${name}: ${how}`;
    };
    const renderActive = () => {
      const removeAll = button("Undo all", () => update({ changes: [] }, { keepFocus: true }));
      active.replaceChildren(
        ...state.changes.map((change) =>
          button(`${nameOf(change)} ✕`, () => setChange(change.part, null), { "aria-label": `Undo ${nameOf(change)}` }),
        ),
        ...(state.changes.length > 1 ? [removeAll] : []),
        ...(state.changes.length ? [] : [h("span", { class: "pg-note" }, "Nothing is changed.")]),
      );
    };

    const setFocus = (i) => {
      focus = i;
      renderFocus();
    };
    const renderFocus = () => {
      const { tokens, n } = result;
      const at = focus === null ? result.position : focus;
      const pattern = chosenPattern(...chosenHead());
      const looks = tokens.map((_, k) => pattern[at * n + k]);
      const looked = tokens.map((_, q) => (q < at ? 0 : pattern[q * n + at]));
      const buttons = [...large.looks.querySelectorAll("button")];
      buttons.forEach((b, k) => {
        b.style.backgroundColor = P.tint(looks[k]);
        b.setAttribute("aria-pressed", String(k === at));
        b.setAttribute("tabindex", k === at ? "0" : "-1");
      });
      [...large.looked.children].forEach((token, q) => (token.style.backgroundColor = P.tint(looked[q])));
      large.mark.style.cssText = `top: ${(100 * at) / n}%; height: ${100 / n}%`;
      const named = (values) => {
        const best = P.top(values.map(Math.abs), 3).filter((i) => Math.abs(values[i]) >= 0.05);
        return best.map((i) => `${shown(tokens[i])} (${i}) ${number(values[i])}`).join(", ") || "nobody with 0.05 or more";
      };
      large.says.textContent = `${shown(tokens[at])} (${at}) looks at ${named(looks)}. Looked at by ${named(looked)}.`;
    };

    const renderLarge = () => {
      const { tokens, n, position } = result;
      const [layer, head] = chosenHead();
      large.title.textContent = `Head ${state.head}, ${SHOW[state.show]}`;
      large.canvas.setAttribute("aria-label", `Attention pattern of head ${state.head}, ${n} tokens. The strip below says where each token looks.`);
      P.drawPattern(large.canvas, chosenPattern(layer, head), n);
      const labels = n <= LABELS_UP_TO ? tokens.map((id) => h("span", {}, shown(id))) : [];
      large.left.replaceChildren(...labels.map((l) => l.cloneNode(true)));
      large.below.replaceChildren(...labels);
      large.left.parentElement.style.setProperty("--pg-n", n);
      tokenButtons(large.looks, "Tokens: choose one to see its attention", focus ?? position, setFocus, (i) => ({
        onmouseenter: () => setFocus(i),
        onfocus: () => setFocus(i),
      }));
      large.looked.replaceChildren(
        ...tokens.map((id, i) => h("span", { class: "pg-token", onmouseenter: () => setFocus(i) }, shown(id), h("small", {}, String(i)))),
      );
      renderFocus();
    };

    const tinted = (value, text, most = 1) =>
      h("td", { style: Number.isNaN(value) ? null : `background-color: ${P.tint(value / most)}` }, text);
    const renderScores = () => {
      const { tokens, n, after, position, answerId, otherId } = result;
      const effects = P.directEffects(weights, after.cache, position, answerId, otherId);
      const most = Math.max(...effects.heads.flat().map(Math.abs), ...effects.mlps.map(Math.abs), 1);
      const attention = (value) => tinted(value, number(value));
      const effect = (value) => tinted(value, signed(value), most);
      const rows = allHeads.map(([layer, head]) => {
        const pattern = P.patternOf(after.cache, layer, head, n);
        const s = P.scoresOf(pattern, tokens);
        const to = (id) => attention(P.attentionTo(pattern, tokens, position, id));
        return [`${layer}.${head}`, ...[s.previous, s.first, s.duplicate, s.induction].map(attention), to(answerId), to(otherId), effect(effects.heads[layer][head])];
      });
      const rest = (name, value) => [name, ...Array.from({ length: 6 }, () => ""), effect(value)];
      const heading = ["head", "previous", "BOS", "duplicate", "induction", `to ${shown(answerId)}`, `to ${shown(otherId)}`, "direct effect"];
      scores.replaceChildren(
        table(heading, [...rows, ...layers.map((l) => rest(`MLP ${l}`, effects.mlps[l])), rest("rest", effects.rest), rest("sum", effects.total)], "Scores of each head on this prompt"),
      );
    };

    const renderLens = () => {
      const { tokens, n, after, answerId, otherId, position } = result;
      const names = ["embeddings", ...layers.map((l) => `after layer ${l}`)];
      const rows = P.residNames(weights).map((place, i) => {
        const logits = P.unembed(weights, after.cache[place]);
        return [names[i], ...tokens.map((_, p) => {
          const here = logits.subarray(p * weights.vocab, (p + 1) * weights.vocab);
          if (lensShows.value === "difference") {
            const value = here[answerId] - here[otherId];
            return tinted(value, signed(value), 10);
          }
          const probabilities = P.softmax(here);
          const best = P.top(probabilities, 1)[0];
          const cell = tinted(probabilities[best], shown(best));
          cell.title = probability(probabilities[best]);
          cell.append(h("small", {}, probability(probabilities[best])));
          return cell;
        })]; // prettier-ignore
      });
      lens.replaceChildren(table(["", ...tokens.map((id, i) => `${shown(id)}`)], rows, `Predictions by layer and position; ${n} positions`));
      const column = lens.querySelectorAll("thead th")[position + 1];
      if (column && lens.scrollLeft === 0) lens.scrollLeft = Math.max(0, column.offsetLeft - lens.clientWidth / 2);
    };

    const renderSecond = () => {
      const { n, m, tokens } = result;
      const both = tokens.slice(0, Math.min(n, m || n)).map((id, i) => [i, `${i}: ${shown(id)}`]);
      choices(patchAt, [["all", "all positions"], ...both]);
      choices(residAt, both);
      if (!state.source.trim()) sourceNote.textContent = "Type a prompt to patch from.";
      else if (!m) sourceNote.textContent = `This prompt is too long: the model reads at most ${weights.nCtx} tokens.`;
      else sourceNote.textContent = `${m} tokens; the prompt above has ${n}.`;
      if (state.changes.some((c) => c.how === "patch")) second.open = true;
    };

    const render = () => {
      fill(prompt, state.prompt);
      fill(source, state.source);
      fill(answer, state.answer);
      fill(other, state.other);
      const example = P.EXAMPLES.findIndex((e) => e.prompt === state.prompt);
      pick.value = example < 0 ? "own" : String(example);
      results.hidden = Boolean(result.problem);
      count.textContent = result.problem || `${result.n} tokens with BOS, which opens every text. The model knows a few hundred words of one simple English; others fall into pieces.`;
      count.classList.toggle("pg-problem", Boolean(result.problem));
      if (result.problem) return;
      if (result.notes.length) say(result.notes.join(" "));
      else if (status.dataset.notes) say("");
      status.dataset.notes = result.notes.length ? "yes" : "";
      tokenButtons(tokenRow, "Tokens of the prompt", result.position,
        (i) => update({ at: i === result.n - 1 ? null : i }),
        (i) => ({ "aria-pressed": String(i === result.position) })); // prettier-ignore
      renderPredictions();
      renderDifference();
      modes.refresh();
      shows.refresh();
      renderActive();
      renderSecond();
      cards.forEach((card) => card.box.refresh());
      [...mlps, positions].forEach((control) => control.refresh());
      renderLarge();
      renderScores();
      renderLens();
      puzzles.forEach((box) => box.refresh());
    };

    // Links from the chapters ask with `?`, which other scripts of the site leave alone; from then on
    // the state stands behind `#`, which no browser sends to a host.
    const fromAddress = () => {
      const asks = location.hash.includes("=") ? location.hash : location.search;
      const { state: asked, unknown } = P.readAddress(asks);
      update(asked);
      if (unknown.length) say(`The address asks for something the page does not know: ${unknown.join(", ")}.`);
    };
    window.addEventListener("hashchange", () => {
      if (location.hash.includes("=") || !location.hash) fromAddress();
    });
    new MutationObserver(() => result.problem || render()).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-theme"],
    });
    fromAddress();
  };
})();
