/* The second prompt, from which patches are taken, and where they go. */
(() => {
  "use strict";
  const P = window.Playground;
  const h = window.courseElement;
  const { button, choices, field, fill, option } = P.controls;

  P.views.second = (page) => {
    const { blocks, nLayers, nCtx } = page.model.weights;
    const text = page.textarea("source");
    const note = h("p", { class: "pg-note" });
    const headAt = h("select");
    const residAt = h("select");
    const residLayer = h(
      "select",
      {},
      [...blocks.keys(), nLayers].map((l) => option(l, l ? `after layer ${l - 1}` : "before layer 0")),
    );
    const patchIt = () => page.setChange(`resid${residLayer.value}`, { how: "patch", at: +residAt.value });
    const box = h(
      "details",
      { class: "pg-box" },
      h("summary", {}, "A second prompt, to patch from"),
      field("Second prompt", text, note),
      h("div", { class: "pg-row" },
        field("A patched head takes its value at", headAt)),
      h("div", { class: "pg-row" },
        field("Residual stream", residLayer),
        field("at position", residAt),
        button("Patch it", patchIt, { class: "pg-plain" })),
    ); // prettier-ignore

    const noteOn = ({ n, m }) => {
      if (!page.state.source.trim()) return "Type a prompt to patch from.";
      return m
        ? `${m} tokens; the prompt above has ${n}.`
        : `This prompt is too long: the model reads at most ${nCtx} tokens.`;
    };

    const render = () => {
      fill(text, page.state.source);
      const { n, m, tokens } = page.result;
      const both = tokens.slice(0, Math.min(n, m || n)).map((id, i) => [i, `${i}: ${page.shown(id)}`]);
      choices(headAt, [["all", "all positions"], ...both]);
      choices(residAt, both);
      note.textContent = noteOn(page.result);
      if (page.state.changes.some(({ how }) => how === "patch")) open();
    };
    const open = () => (box.open = true);
    /* Where a switch patches: "all", or a position. */
    const at = () => (headAt.value === "all" ? "all" : +headAt.value);
    return { box, at, open, render };
  };
})();
