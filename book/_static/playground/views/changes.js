/* What a switch does to a part, and the changes that are made, each with a button that undoes it. The
   buttons stand in the bar (effect.js). */
(() => {
  "use strict";
  const P = window.Playground;
  const h = window.courseElement;
  const { button, radios } = P.controls;
  const { HOW, changeName } = P.format;

  P.views.changes = (page) => {
    const modes = radios("pg-mode", "A switch sets a part to", HOW, () => page.mode, page.setMode);
    const active = h("div", { class: "pg-active", role: "group", "aria-label": "Undo", tabindex: "-1" });

    const render = () => {
      modes.refresh();
      const { changes } = page.state;
      const undoing = (work) => () => {
        work();
        active.focus({ preventScroll: true }); // the button that had it is gone
      };
      const undo = (change) => {
        const name = changeName(change);
        const work = undoing(() => page.setChange(change.part, null));
        return button(`${name} ✕`, work, { "aria-label": `Undo ${name}` });
      };
      const undoAll = undoing(() => page.update({ changes: [] }, { keepFocus: true }));
      active.replaceChildren(
        ...(changes.length > 1 ? [button("Undo all", undoAll)] : []),
        ...changes.map(undo).reverse(), // the last one first, where it is seen
        ...(changes.length ? [] : [h("span", { class: "pg-note" }, "Nothing is changed. Press a button under a pattern.")]),
      );
    };
    return { modes: modes.box, active, render };
  };
})();
