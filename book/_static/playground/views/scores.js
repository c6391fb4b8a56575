/* What each part does on this prompt, in a table: attention, and its direct effect. */
(() => {
  "use strict";
  const P = window.Playground;
  const { scrolling, table, tinted } = P.controls;
  const { number, signed } = P.format;
  const NO_ATTENTION = Array.from({ length: 6 }, () => ""); // the cells of a part that is no head

  P.views.scores = (page) => {
    const box = scrolling("Scores of each head");

    const render = () => {
      const { scores, effects, answerId, otherId } = page.result;
      const most = Math.max(...[...effects.heads.flat(), ...effects.mlps].map(Math.abs), 1);
      const attention = (value) => tinted(value, number(value));
      const effect = (value) => tinted(value, signed(value), most);
      const heads = Object.entries(scores).map(([name, s]) => [
        name,
        ...[s.previous, s.first, s.duplicate, s.induction, s.toAnswer, s.toOther].map(attention),
        effect(s.effect),
      ]);
      const others = [
        ...effects.mlps.map((value, layer) => [`MLP ${layer}`, value]),
        ["rest", effects.rest],
        ["sum", effects.total],
      ].map(([name, value]) => [name, ...NO_ATTENTION, effect(value)]);
      const to = [answerId, otherId].map((id) => `to ${page.shown(id)}`);
      const heading = ["head", "previous", "BOS", "duplicate", "induction", ...to, "direct effect"];
      box.replaceChildren(table(heading, [...heads, ...others], "Scores of each head on this prompt"));
    };
    return { box, render };
  };
})();
