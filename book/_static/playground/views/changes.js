/* What a switch does to a part, and the changes that are made, each with a button that undoes it. */
(() => {
  "use strict";
  const P = window.Playground;
  const h = window.courseElement;
  const { button, radios } = P.controls;
  const { HOW, changeName } = P.format;

  P.views.changes = (page) => {
    const modes = radios("pg-mode", "A switch sets a part to", HOW, () => page.mode, page.setMode);
    const active = h("div", { class: "pg-active" });

    const render = () => {
      modes.refresh();
      const { changes } = page.state;
      const undo = (change) => {
        const name = changeName(change);
        return button(`${name} ✕`, () => page.setChange(change.part, null), { "aria-label": `Undo ${name}` });
      };
      const undoAll = () => page.update({ changes: [] }, { keepFocus: true });
      active.replaceChildren(
        ...changes.map(undo),
        ...(changes.length > 1 ? [button("Undo all", undoAll)] : []),
        ...(changes.length ? [] : [h("span", { class: "pg-note" }, "Nothing is changed.")]),
      );
    };
    return { modes: modes.box, active, render };
  };
})();
