/* The two tokens that are compared, and the difference of their logits. */
(() => {
  "use strict";
  const P = window.Playground;
  const h = window.courseElement;
  const { field, fill } = P.controls;
  const { number, signed } = P.format;

  P.views.difference = (page) => {
    const word = (key, placeholder) =>
      h("input", {
        type: "text", autocapitalize: "off", spellcheck: "false", autocomplete: "off", placeholder,
        oninput: (event) => page.later(() => ({ [key]: event.target.value.trim() })),
      }); // prettier-ignore
    const answer = word("answer", "its best guess");
    const other = word("other", "its second guess");
    const list = h("dl", { class: "pg-difference" });
    const box = h("section", {}, h("h3", {}, "Logit difference"),
      h("div", { class: "pg-row" }, field("Token", answer), field("minus token", other)), list); // prettier-ignore

    const pairsOf = (name, { changes, diffBefore, diffAfter }) =>
      changes.length
        ? [["before", number(diffBefore)], ["with the changes", number(diffAfter)], ["change", signed(diffAfter - diffBefore)]] // prettier-ignore
        : [[name, number(diffBefore)]];

    const render = () => {
      fill(answer, page.state.answer);
      fill(other, page.state.other);
      const { answerId, otherId, changes } = page.result;
      const name = `logit of ${page.shown(answerId)} − logit of ${page.shown(otherId)}`;
      list.replaceChildren(
        ...(changes.length ? [h("div", { class: "pg-note" }, h("dt", {}, name))] : []),
        ...pairsOf(name, page.result).map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))),
      );
    };
    return { box, render };
  };
})();
