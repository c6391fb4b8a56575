/* Drawings that one steps through. In a drawing of the class `course-steps`, each group with `data-step`
   is a step, and `data-says` a sentence about it. This puts buttons and the sentence under the drawing.
   Without it, and on paper, the drawing shows all its steps at once. */
(() => {
  "use strict";
  const h = window.courseElement;

  const stepping = (drawing) => {
    const steps = [...drawing.querySelectorAll("[data-step]")];
    const name = drawing.querySelector("title").textContent;
    let at = 0;
    const says = h("p", { class: "course-steps-says", role: "status" });
    const button = (text, label, by) => h("button", { type: "button", "aria-label": label, onclick: () => go(at + by) }, text);
    const back = button("‹ Back", "Back: one step", -1);
    const next = button("Next ›", "Next: one step", 1);
    const count = h("span", {});

    const go = (to) => {
      at = Math.max(0, Math.min(steps.length - 1, to));
      steps.forEach((step, i) => {
        step.classList.toggle("course-step-later", i > at);
        step.classList.toggle("course-step-now", i === at);
      });
      says.textContent = steps[at].dataset.says;
      count.textContent = `${at + 1} of ${steps.length}`;
      back.setAttribute("aria-disabled", String(at === 0));
      next.setAttribute("aria-disabled", String(at === steps.length - 1));
    };
    const bar = h("div", { class: "course-steps-bar", role: "group", "aria-label": name }, back, count, next);
    drawing.after(bar, says);
    // room for the longest sentence, so that nothing below moves
    const reserve = () => {
      says.style.minHeight = "";
      const heights = steps.map((step) => {
        says.textContent = step.dataset.says;
        return says.offsetHeight;
      });
      says.style.minHeight = `${Math.max(...heights)}px`;
      go(at);
    };
    reserve();
    addEventListener("resize", reserve);
  };

  document.querySelectorAll("svg.course-steps").forEach(stepping);
})();
