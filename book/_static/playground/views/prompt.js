/* The prompt: one to pick or one's own, and the buttons that concern all of the page. */
(() => {
  "use strict";
  const P = window.Playground;
  const h = window.courseElement;
  const { button, field, fill, option } = P.controls;

  P.views.prompt = (page) => {
    const pick = h(
      "select",
      {
        onchange: () => {
          if (pick.value === "own") return text.focus();
          const { name, ...example } = P.EXAMPLES[pick.value];
          page.update({ ...example, at: null, changes: [] });
        },
      },
      P.EXAMPLES.map(({ name }, i) => option(i, name)),
      option("own", "Your own"),
    );
    const text = page.textarea("prompt", { at: null });
    const count = h("p", { class: "pg-note" });

    const copy = async () => {
      try {
        await navigator.clipboard.writeText(location.href);
        page.say("The address of what you see is on the clipboard.");
      } catch {
        page.say("The browser did not allow copying: copy the address from its address bar.");
      }
    };

    const box = [
      h("div", { class: "pg-row pg-top" },
        field("Pick a prompt", pick),
        h("div", { class: "pg-buttons" }, button("Reset", page.reset), button("Copy the address", copy))),
      field("Prompt", text, count),
    ]; // prettier-ignore

    const render = () => {
      const { problem, n } = page.result;
      fill(text, page.state.prompt);
      const example = P.EXAMPLES.findIndex((e) => e.prompt === page.state.prompt);
      pick.value = example < 0 ? "own" : String(example);
      count.textContent = problem || `${n} tokens with BOS, which opens every text. The model knows a few hundred words of one simple English; others fall into pieces.`;
      count.classList.toggle("pg-problem", Boolean(problem));
    };
    return { box, render };
  };
})();
