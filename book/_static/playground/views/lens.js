/* The logit lens: what would be predicted at each place of the residual stream. */
(() => {
  "use strict";
  const P = window.Playground;
  const h = window.courseElement;
  const { field, option, scrolling, table, tinted } = P.controls;
  const { probability, signed } = P.format;
  const FULL_TINT = 10; // logits

  P.views.lens = (page) => {
    const place = scrolling("Logit lens");
    const shows = h(
      "select",
      { onchange: () => page.render() },
      option("token", "the best guess"),
      option("difference", "the logit difference"),
    );

    const guess = ({ best, probability: p }) => {
      const cell = tinted(p, page.shown(best));
      cell.title = probability(p);
      cell.append(h("small", {}, probability(p)));
      return cell;
    };
    const difference = ({ difference: d }) => tinted(d, signed(d), FULL_TINT);

    const render = () => {
      const { tokens, n, lens, position } = page.result;
      const cellOf = shows.value === "difference" ? difference : guess;
      const rows = lens.map((cells, i) => [i ? `after layer ${i - 1}` : "embeddings", ...cells.map(cellOf)]);
      const heading = ["", ...tokens.map(page.shown)];
      place.replaceChildren(table(heading, rows, `Predictions by layer and position; ${n} positions`));
      const column = place.querySelectorAll("thead th")[position + 1];
      if (column && place.scrollLeft === 0) {
        place.scrollLeft = Math.max(0, column.offsetLeft - place.clientWidth / 2);
      }
    };
    return { box: [field("Each cell shows", shows), place], render };
  };
})();
