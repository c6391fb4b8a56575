/* One head's pattern, large; and, for the token in focus, where it looks and who looks at it. */
(() => {
  "use strict";
  const P = window.Playground;
  const h = window.courseElement;
  const { number, SHOW } = P.format;
  const LABELS_UP_TO = 40; // tokens; more are not readable beside a pattern
  const WORTH_NAMING = 0.05;

  P.views.large = (page) => {
    const title = h("h3");
    const canvas = h("canvas", { role: "img" });
    const mark = h("div", { class: "pg-mark", "aria-hidden": "true" });
    const left = h("div", { class: "pg-left", "aria-hidden": "true" });
    const below = h("div", { class: "pg-below", "aria-hidden": "true" });
    const looks = h("div");
    const looked = h("div", { class: "pg-strip", role: "group", tabindex: "0", "aria-label": "Who looks at it" });
    const says = h("p", { class: "pg-says", "aria-live": "polite" });
    const pair = h("p", { class: "pg-note" });
    const chosen = () => page.result.patterns[page.state.head][page.state.show];
    const token = (i) => `${page.shown(page.result.tokens[i])} (${i})`;

    /* The cell under the pointer: what it is, and its row comes into focus. */
    const overPattern = (event) => {
      const { n } = page.result;
      const place = canvas.getBoundingClientRect();
      const cell = (offset, size) => Math.max(0, Math.min(n - 1, Math.floor((offset / size) * n)));
      const query = cell(event.clientY - place.top, place.height);
      const key = cell(event.clientX - place.left, place.width);
      pair.textContent = `From ${token(query)} to ${token(key)}: ${number(chosen()[query * n + key])}`;
      if (query !== page.focus) setFocus(query);
    };
    const frame = h("div", { class: "pg-frame", onpointermove: overPattern, onpointerdown: overPattern }, canvas, mark);

    const box = h("section", { "aria-label": "One pattern" }, title,
      h("div", { class: "pg-large" }, left, frame, below),
      pair, says,
      h("p", { class: "pg-strip-name" }, "where it looks"), looks,
      h("p", { class: "pg-strip-name" }, "who looks at it"), looked); // prettier-ignore

    const named = (values) => {
      const best = P.top(values.map(Math.abs), 3).filter((i) => Math.abs(values[i]) >= WORTH_NAMING);
      return best.map((i) => `${token(i)} ${number(values[i])}`).join(", ") || `nobody with ${WORTH_NAMING} or more`;
    };

    const setFocus = (i) => {
      page.focus = i;
      renderFocus();
    };
    const renderFocus = () => {
      const { n, position } = page.result;
      const at = page.focus === null ? position : page.focus;
      const attention = P.attentionAround(chosen(), n, at);
      looks.querySelectorAll("button").forEach((b, k) => {
        b.style.backgroundColor = P.tint(attention.looks[k]);
        b.setAttribute("aria-pressed", String(k === at));
        b.setAttribute("tabindex", k === at ? "0" : "-1");
      });
      [...looked.children].forEach((span, q) => (span.style.backgroundColor = P.tint(attention.looked[q])));
      mark.style.cssText = `top: ${(100 * at) / n}%; height: ${100 / n}%`;
      says.textContent = `${token(at)} looks at ${named(attention.looks)}. Looked at by ${named(attention.looked)}.`;
    };

    const render = () => {
      const { tokens, n, position } = page.result;
      const { head, show } = page.state;
      title.textContent = `Head ${head}, ${SHOW[show]}`;
      canvas.setAttribute("aria-label", `Attention pattern of head ${head}, ${n} tokens. The strip below says where each token looks.`);
      P.drawPattern(canvas, chosen(), n);
      const labels = n <= LABELS_UP_TO ? tokens.map((id) => h("span", {}, page.shown(id))) : [];
      left.replaceChildren(...labels.map((l) => l.cloneNode(true)));
      below.replaceChildren(...labels);
      left.parentElement.style.setProperty("--pg-n", n);
      const label = "Tokens: choose one to see its attention";
      P.controls.tokenButtons(page, looks, label, page.focus ?? position, setFocus, (i) => ({
        onmouseenter: () => setFocus(i),
        onfocus: () => setFocus(i),
      }));
      looked.replaceChildren(
        ...tokens.map((id, i) =>
          h("span", { class: "pg-token", onmouseenter: () => setFocus(i) }, page.shown(id), h("small", {}, String(i))),
        ),
      );
      renderFocus();
    };
    return { box, render };
  };
})();
