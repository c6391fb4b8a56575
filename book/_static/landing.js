/* The first page: the figure whose heads can be switched off, and how far the reader has come.

   The figure's states with no head off, and with one, stand in the page. The first click also fetches
   the model, which computes every state from then on, those with several heads off too. */
(() => {
  "use strict";
  const figure = document.querySelector(".course-first");
  const percent = (p) => `${(100 * p).toFixed(1)} %`;

  const live = (figure) => {
    const stored = JSON.parse(figure.querySelector("script").textContent);
    const rows = [...figure.querySelectorAll(".course-first-guesses li")];
    const buttons = [...figure.querySelectorAll("[data-head]")];
    const said = figure.querySelector(".course-first-said");
    let model = null; // once it is there: (heads that are off) => [[word, probability]]
    let failed = false;

    const off = () => buttons.filter((b) => b.getAttribute("aria-pressed") === "true").map((b) => b.dataset.head);

    const compute = (P, { weights, read, textOf }) => (heads) => {
      const tokens = read(stored.prompt);
      const changes = heads.map((part) => ({ part, how: "zero" }));
      const { logits } = P.forward(weights, tokens, P.hooksFor(weights, changes, tokens.length));
      const probabilities = P.softmax(logits.slice(-weights.vocab));
      return P.top(probabilities, rows.length).map((id) => [textOf(id), probabilities[id]]);
    };

    const fetchModel = async () => {
      try {
        await courseLibrary("playground.js");
        await courseLibrary("pocket.js");
        model = compute(Playground, Playground.openModel(POCKET));
      } catch (error) {
        failed = true;
        console.error(error);
      }
      show();
    };
    let fetching = null;

    const sentence = (heads, known) => {
      if (!known && failed) return "The model did not arrive. One head at a time can still be switched off.";
      if (!known) return "The model is on its way, 1.7 MB: with it, several heads can be off at once.";
      const state = heads.length ? `Off: head ${heads.join(", head ")}, set to zero.` : "Every head is on.";
      return `${state} ${model ? "Computed in this browser just now." : "Stored with the page."}`;
    };

    const show = () => {
      const heads = off();
      const guesses = model ? model(heads) : stored.guesses[heads.join()];
      said.textContent = sentence(heads, guesses);
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

    figure.addEventListener("click", (event) => {
      const button = event.target.closest("[data-head]");
      if (!button) return;
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      fetching = fetching || fetchModel();
      show();
    });
  };

  const paintMap = () => {
    const state = window.courseProgress.load();
    for (const card of document.querySelectorAll(".course-map > li")) {
      const plan = window.coursePlan.find(({ week }) => String(week) === card.dataset.week);
      const { done, all } = window.courseSteps.ofWeek(plan, state); // as beside the week in the sidebar
      Object.assign(card.querySelector("progress"), { max: all, value: done });
      card.querySelector("output").textContent = `${done} of ${all} steps done`;
    }
  };

  if (figure) live(figure);
  paintMap();
  addEventListener("storage", paintMap);
})();
