/* The first page: how far the reader has come, on the map of the weeks. */
(() => {
  "use strict";

  const paintMap = () => {
    const state = window.courseProgress.load();
    for (const card of document.querySelectorAll(".course-map > li")) {
      const plan = window.coursePlan.find(({ week }) => String(week) === card.dataset.week);
      const { done, all } = window.courseSteps.ofWeek(plan, state); // as beside the week in the sidebar
      Object.assign(card.querySelector("progress"), { max: all, value: done });
      card.querySelector("output").textContent = `${done} of ${all} steps done`;
    }
  };

  paintMap();
  addEventListener("storage", paintMap);
})();
