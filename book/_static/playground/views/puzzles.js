/* The puzzles, each in a box that opens: what to do, a hint, and the verdict. A solved one stays solved. */
(() => {
  "use strict";
  const P = window.Playground;
  const h = window.courseElement;
  const { button } = P.controls;

  const ELSEWHERE = "This puzzle is about another prompt or other tokens: press “Set it up” first.";
  const SET_UP = "Set up: the prompt and the two tokens above are this puzzle's.";

  const TOO_EARLY = "The exact weights are still on their way: check again in a moment.";

  const boxOf = (page, puzzle) => {
    const verdict = h("p", { class: "pg-verdict", role: "status" });
    const setUp = () => {
      page.verdicts.set(puzzle, { text: SET_UP });
      const { name, ...setup } = puzzle.setup;
      page.update({ ...setup, at: null, changes: [], head: "0.0", show: "after" });
      box.scrollIntoView({ block: "nearest" });
    };
    const check = () => {
      if (page.isRounded) {
        page.verdicts.set(puzzle, { text: TOO_EARLY });
        return page.render();
      }
      const { state, result } = page;
      const asSetUp =
        state.at === null && ["prompt", "answer", "other"].every((key) => state[key] === puzzle.setup[key]);
      const found = asSetUp ? puzzle.check(state, result) : { right: false, text: ELSEWHERE };
      page.verdicts.set(puzzle, found);
      if (found.right) P.solved.note(puzzle.id);
      page.render();
    };
    const title = h("summary", {}, puzzle.title);
    const solved = h("p", { class: "pg-note" });
    const box = h("details", { class: "pg-box pg-puzzle" },
      title,
      h("p", {}, puzzle.task),
      h("div", { class: "pg-buttons" },
        button("Set it up", setUp), button("Check", check)),
      h("details", { class: "pg-hint" }, h("summary", {}, "Hint"), h("p", {}, puzzle.hint)),
      verdict, solved); // prettier-ignore
    const refresh = () => {
      const day = P.solved.when(puzzle.id);
      title.dataset.solved = day ? "✓ solved" : "";
      solved.hidden = !day;
      solved.textContent = day ? `You solved this puzzle on ${day}.` : "";
      const found = page.verdicts.get(puzzle);
      const judged = found && "right" in found;
      const word = judged ? (found.right ? "Right. " : "Not yet. ") : "";
      verdict.textContent = found ? word + found.text : "";
      verdict.className = `pg-verdict ${judged ? (found.right ? "pg-right" : "pg-wrong") : ""}`;
    };
    return { box, refresh };
  };

  P.views.puzzles = (page) => {
    const boxes = P.PUZZLES.map((puzzle) => boxOf(page, puzzle));
    const count = h("p", { class: "pg-note" });
    const render = () => {
      boxes.forEach(({ refresh }) => refresh());
      const solved = P.PUZZLES.filter(({ id }) => P.solved.when(id)).length;
      count.textContent = `${solved} of ${boxes.length} solved.`;
    };
    return { box: h("div", { class: "pg-puzzles" }, boxes.map(({ box }) => box), count), render };
  };
})();
