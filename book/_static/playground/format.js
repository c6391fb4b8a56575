/* How numbers, tokens, parts and changes are written on the page. */
(() => {
  "use strict";
  const Playground = (window.Playground = window.Playground || {});

  const SHOW = { after: "with the changes", before: "without them", difference: "the difference" };
  const HOW = {
    zero: "zero",
    mean: "its mean over the reference prompts",
    patch: "its value in the second prompt",
  };

  const number = (x) => (Number.isNaN(x) ? "–" : x.toFixed(2).replace("-", "−"));
  const signed = (x) => (x > 0 ? `+${number(x)}` : number(x));
  const probability = (p) => (p < 0.001 ? "< 0.1 %" : `${(100 * p).toFixed(1)} %`);

  /* A token's text with its spaces and line ends to be seen. */
  const visible = (text) => text.replace(/ /g, "␣").replace(/\n/g, "⏎");

  const partName = (part) => {
    const [, kind, layer] = /^(resid|mlp)(\d+)$/.exec(part) || [];
    if (kind === "resid") return `residual stream ${+layer ? `after layer ${layer - 1}` : "before layer 0"}`;
    if (kind === "mlp") return `MLP ${layer}`;
    return part === "positions" ? "positional embeddings" : `head ${part}`;
  };

  const changeName = ({ part, how, at }) => {
    const where = at === "all" ? "at all positions" : `at position ${at}`;
    return `${partName(part)}: ${how === "patch" ? `patched ${where}` : how}`;
  };

  /* What a press would do to a part, in few words. change: null where it would undo one */
  const previewName = ({ part, change }) => {
    if (!change) return `${partName(part)} back on`;
    return change.how === "zero" ? `without ${partName(part)}` : `${partName(part)}: ${change.how}`;
  };

  Playground.format = { HOW, SHOW, changeName, number, previewName, probability, signed, visible };
})();
