/* Typesets formulas: those on the screen and near it first, then the others while the browser idles.

   MathJax would typeset all of them at once, and hold the page up for seconds where there are many. */
(() => {
  "use strict";
  const NEAR = "1500px"; // before a reader comes to it
  const SPELL = 12; // milliseconds of work before the browser may draw
  let waiting = new Set(); // formulas that are still TeX
  let urgent = []; // those of them that are typeset next
  let working = null;

  // What MathJax draws has no letters: who does not see it hears the TeX.
  const nameDrawn = (formula, tex) => {
    const drawn = formula.querySelector("mjx-container");
    drawn?.setAttribute("role", "img");
    drawn?.setAttribute("aria-label", tex);
  };

  const work = async () => {
    await courseLibrary("tex-chtml.js");
    await MathJax.startup.promise;
    while (urgent.length) {
      const end = performance.now() + SPELL;
      while (urgent.length && performance.now() < end) {
        const formula = urgent.shift();
        if (!waiting.delete(formula)) continue;
        const tex = formula.textContent.trim().replace(/^\\[[(]|\\[\])]$/g, "").trim();
        await MathJax.typesetPromise([formula]);
        nameDrawn(formula, tex);
        formula.dataset.typeset = "yes";
      }
      await courseLibrary.pause();
    }
    working = null;
  };

  const typeset = (formulas) => {
    urgent = [...formulas, ...urgent];
    working = working || work();
    return working;
  };

  const idle = window.requestIdleCallback || ((each) => setTimeout(each, 200));

  /* The rest, one after another: who searches the page or prints it finds formulas. */
  const rest = () => {
    const [next] = waiting;
    if (next) idle(() => typeset([next]).then(rest));
  };

  const start = () => {
    window.MathJax = { ...window.MathJax, startup: { typeset: false } };
    const formulas = [...document.querySelectorAll(".math")];
    waiting = new Set(formulas);
    if (document.body.classList.contains("course-print")) return typeset(formulas);
    const near = new IntersectionObserver(
      (entries) => {
        const seen = entries.filter((entry) => entry.isIntersecting).map(({ target }) => target);
        seen.forEach((formula) => near.unobserve(formula));
        if (seen.length) typeset(seen);
      },
      { rootMargin: NEAR },
    );
    formulas.forEach((formula) => near.observe(formula));
    const later = () => idle(rest);
    if (document.readyState === "complete") later();
    else window.addEventListener("load", later);
  };

  start(); // deferred: the page has been read
})();
