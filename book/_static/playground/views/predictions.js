/* The most probable next tokens after the chosen one. */
(() => {
  "use strict";
  const P = window.Playground;
  const h = window.courseElement;
  const { probability } = P.format;

  const bar = (p) =>
    h("span", { class: "pg-bar", style: `--pg-share: ${(100 * p).toFixed(1)}%`, "aria-hidden": "true" });

  P.views.predictions = (page) => {
    const title = h("h3");
    const place = h("div", { class: "pg-scroll" });

    const render = () => {
      const { tokens, position, guesses, changes } = page.result;
      title.textContent = `After ${page.shown(tokens[position])} (${position})`;
      const rows = guesses.map(({ id, before, after }) => [
        page.shown(id),
        ...(changes.length ? [probability(before)] : []),
        h("td", { class: "pg-wide" }, bar(after), probability(after)),
      ]);
      const heading = changes.length ? ["token", "before", "with the changes"] : ["token", "probability"];
      place.replaceChildren(P.controls.table(heading, rows, "The most probable next tokens"));
    };
    return { box: h("section", {}, title, place), render };
  };
})();
