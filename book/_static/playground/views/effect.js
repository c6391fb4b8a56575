/* The bar that stays in view: what the model says before the changes and with them, what one more press
   would do, and what undoes them. */
(() => {
  "use strict";
  const P = window.Playground;
  const h = window.courseElement;
  const { number, probability } = P.format;

  const COLUMNS = ["before", "now", "preview"];

  P.views.effect = (page, active) => {
    const cells = () => Object.fromEntries(COLUMNS.map((name) => [name, h("td", { class: `pg-${name}` })]));
    const [next, difference] = [cells(), cells()];
    const after = h("th", { scope: "row" });
    const pair = h("th", { scope: "row" });
    const would = h("th", { scope: "col", class: "pg-preview" });
    const said = h("p", { class: "pg-hidden", "aria-live": "polite" });
    const table = h("table", {},
      h("caption", { class: "pg-hidden" }, "What the changes do"),
      h("thead", {}, h("tr", {}, h("td"), h("th", { scope: "col" }, "before"), h("th", { scope: "col" }, "now"), would)),
      h("tbody", {}, h("tr", {}, after, Object.values(next)), h("tr", {}, pair, Object.values(difference)))); // prettier-ignore
    const box = h("div", { class: "pg-effect", role: "group", "aria-label": "What the changes do" }, table, active, said);

    const guess = ({ id, probability: p }) => [h("b", {}, page.shown(id)), ` ${probability(p)}`];

    /* What the part under the pointer would do, were it pressed; nothing of it is kept. */
    const renderPreview = () => {
      const { ghost } = page;
      would.textContent = ghost ? ghost.name : "preview";
      next.preview.replaceChildren(...(ghost ? guess(ghost.best) : ["–"]));
      difference.preview.textContent = ghost ? number(ghost.difference) : "–";
      box.classList.toggle("pg-previews", Boolean(ghost));
    };

    const render = () => {
      const { tokens, position, best, answerId, otherId, diffBefore, diffAfter, changes } = page.result;
      after.textContent = `after ${page.shown(tokens[position])}`;
      pair.textContent = `${page.shown(answerId)} − ${page.shown(otherId)}`;
      next.before.replaceChildren(...guess(best.before));
      next.now.replaceChildren(...guess(best.after));
      next.now.classList.toggle("pg-flipped", best.before.id !== best.after.id);
      difference.before.textContent = number(diffBefore);
      difference.now.textContent = number(diffAfter);
      const now = `${page.shown(best.after.id)} ${probability(best.after.probability)}, logit difference ${number(diffAfter)}`;
      const text = changes.length ? `Now ${now}.` : "";
      if (said.textContent !== text) said.textContent = text;
      renderPreview();
    };
    return { box, render, renderPreview };
  };
})();
