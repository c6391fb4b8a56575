/* Every head's pattern, small, and a switch for every part of the model. */
(() => {
  "use strict";
  const P = window.Playground;
  const h = window.courseElement;
  const { button, radios } = P.controls;
  const { HOW, SHOW, number } = P.format;
  const DWELL = 80; // milliseconds over a part after which it is previewed

  /* Listeners for an element: while the pointer rests on it, or the keyboard is there, `show` is done. A
     finger does not rest. */
  const resting = (page, show) => {
    let waiting = 0;
    const soon = () => {
      clearTimeout(waiting);
      waiting = setTimeout(show, DWELL);
    };
    const end = () => {
      clearTimeout(waiting);
      page.preview(null);
    };
    return {
      onpointerenter: (event) => event.pointerType !== "touch" && soon(),
      onpointerleave: end,
      onpointerdown: end,
      onfocusin: (event) => event.target.matches(":focus-visible") && soon(),
      onfocusout: end,
    };
  };

  /* A button that changes a part as `page.mode` says, or undoes what is changed there.
     name: the part's, for those who hear it; patchAt() -> where a patch goes */
  const switchOf = (page, part, name, patchAt) => {
    const change = () => page.state.changes.find((c) => c.part === part);
    const how = () => (part === "positions" ? "zero" : page.mode);
    /* What a press makes of the part: a change, or null where it undoes one. */
    const pressed = () => {
      if (change()) return null;
      return how() === "patch" ? { how: "patch", at: patchAt() } : { how: how() };
    };
    const box = button("on", () => page.setChange(part, pressed()), { class: "pg-switch" });
    const preview = () => page.preview({ part, change: pressed() });
    const refresh = () => {
      const made = change();
      const written = made ? { patch: "patched" }[made.how] || made.how : "on";
      box.textContent = written;
      box.setAttribute("aria-pressed", String(Boolean(made)));
      const does = made ? "Press to undo." : `Press to set it to ${HOW[how()]}.`;
      // The name holds what is written on the button, for those who speak to their browser.
      const said = made ? `set to ${HOW[made.how]}` : "on";
      const stands = said.includes(written) ? said : `${written}, ${said}`;
      box.setAttribute("aria-label", `${name}: ${stands}. ${does}`);
      box.title = does;
    };
    return { box, preview, refresh };
  };

  /* A head's pattern, which enlarges it when it is pressed, over its switch. */
  const cardOf = (page, name, patchAt) => {
    const canvas = h("canvas", { "aria-hidden": "true" });
    const enlarge = () => page.enlarge(name);
    const thumb = button(canvas, enlarge, { class: "pg-thumb" });
    const control = switchOf(page, name, `Head ${name}`, patchAt);
    const change = h("span", { class: "pg-moved" });
    const caption = h("div", { class: "pg-caption" }, h("span", {}, name), control.box);
    const refresh = () => {
      const { patterns, changes, n } = page.result;
      const moved = number(patterns[name].moved);
      P.drawPattern(canvas, patterns[name][page.state.show], n);
      change.textContent = changes.length ? `moved ${moved}` : "";
      thumb.setAttribute("aria-pressed", String(page.state.head === name));
      thumb.setAttribute("aria-label", `Enlarge the pattern of head ${name}${changes.length ? `, of which ${moved} moved` : ""}`);
      control.refresh();
    };
    return { box: h("div", { class: "pg-head", ...resting(page, control.preview) }, thumb, caption, change), refresh };
  };

  P.views.patterns = (page, patchAt) => {
    const { weights, heads } = page.model;
    const setShow = (show) => page.update({ show }, { keepFocus: true });
    const shows = radios("pg-show", "Patterns", SHOW, () => page.state.show, setShow);
    const positions = switchOf(page, "positions", "Positional embeddings", patchAt);
    const layers = weights.blocks.map((_, layer) => ({
      mlp: switchOf(page, `mlp${layer}`, `MLP of layer ${layer}`, patchAt),
      cards: heads.filter((name) => name.startsWith(`${layer}.`)).map((name) => cardOf(page, name, patchAt)),
    }));
    const grid = h(
      "div",
      {},
      layers.map(({ mlp, cards }, layer) =>
        h("div", { class: "pg-layer", role: "group", "aria-label": `Layer ${layer}` },
          h("div", { class: "pg-layer-name" }, `Layer ${layer}`, h("span", { class: "pg-mlp", ...resting(page, mlp.preview) }, "MLP ", mlp.box)),
          h("div", { class: "pg-heads", style: `--pg-columns: ${weights.nHeads}` }, cards.map(({ box }) => box)))),
      h("p", { class: "pg-embedding" },
        h("span", { ...resting(page, positions.preview) }, "Positional embeddings ", positions.box)),
    ); // prettier-ignore

    const controls = [shows, positions, ...layers.flatMap(({ mlp, cards }) => [mlp, ...cards])];
    const render = () => controls.forEach((control) => control.refresh());
    return { shows: shows.box, box: h("section", { "aria-label": "All patterns" }, grid), render };
  };
})();
