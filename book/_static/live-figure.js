/* Figures whose parts can be switched off: on the first page, and in chapters.

   A figure's states with nothing switched, and with one thing switched, stand in the page. The first click
   also fetches the model, which computes every state from then on, those with several switches too. */
(() => {
  "use strict";
  const percent = (p) => `${(100 * p).toFixed(1)} %`;
  const figures = [];
  let model = null; // once it is there, for all figures of the page
  let failed = false;
  let fetching = null;

  const fetchModel = async () => {
    try {
      await courseLibrary("playground.js");
      await courseLibrary("pocket.js");
      model = await Playground.inSlices(Playground.openingModel(POCKET));
    } catch (error) {
      failed = true;
      console.error(error);
    }
    figures.forEach((show) => show());
  };

  /* What the model says next. changes: as in an address, "0.2:zero" -> count pairs [word, probability] */
  const compute = ({ prompt, source }, changes, count) => {
    const { weights, read, textOf, mean } = model;
    const P = Playground;
    const tokens = read(prompt);
    const made = P.readChanges(changes.join()).changes;
    const from = source ? P.run(weights, read(source)) : null;
    const { logits } = P.forward(weights, tokens, P.hooksFor(weights, made, tokens.length, mean, from));
    const probabilities = P.softmax(logits.slice(-weights.vocab));
    return P.top(probabilities, count).map((id) => [textOf(id), probabilities[id]]);
  };

  const live = (figure) => {
    const stored = JSON.parse(figure.querySelector("script").textContent);
    const rows = [...figure.querySelectorAll(".course-first-guesses li")];
    const buttons = [...figure.querySelectorAll("[data-change]")];
    const said = figure.querySelector(".course-first-said");

    /* "Off: head 0.2, head 1.1, set to zero.", a sentence for each kind of switch. */
    const stateOf = (changes) => {
      const kinds = new Map();
      for (const { state, name } of changes.map((change) => stored.switches[change])) {
        kinds.set(state, [...(kinds.get(state) ?? []), name]);
      }
      return [...kinds].map(([state, names]) => state.replace("{}", names.join(", "))).join(" ");
    };
    const sentence = (changes, known) => {
      if (!known && failed) return "The model did not arrive. One switch at a time can still be pressed.";
      if (!known) return "The model is on its way, 1.7 MB: with it, several switches can be pressed at once.";
      const state = stateOf(changes) || "Nothing is changed.";
      return `${state} ${model ? "Computed in this browser just now." : "Stored with the page."}`;
    };

    const show = () => {
      const changes = buttons.filter((b) => b.getAttribute("aria-pressed") === "true").map((b) => b.dataset.change);
      const guesses = model ? compute(stored, changes, rows.length) : stored.guesses[changes.join()];
      said.textContent = sentence(changes, guesses);
      figure.dataset.by = model ? "model" : "page";
      if (!guesses) return;
      rows.forEach((row, i) => {
        const [word, p] = guesses[i];
        const [name, bar, number] = row.children;
        name.textContent = word.trim();
        bar.style.setProperty("--p", p);
        number.textContent = percent(p);
      });
    };

    let touched = false;
    figures.push(() => touched && show());
    figure.addEventListener("click", (event) => {
      const button = event.target.closest("[data-change]");
      if (!button) return;
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      touched = true;
      fetching = fetching || fetchModel();
      show();
    });
  };

  document.querySelectorAll(".course-first").forEach(live);
})();
