/* How much of a week is done, counted as mi_course/learner/steps.py counts it. Nothing here touches the page or
   the browser's storage, so that node can test it.

   A plan is a week of tracker.json, {week, items: [{id, exercises, pages}], pages, core}: `core` are the names of
   its exercises that are not optional. A state is what learner.js keeps; its pages are addresses. */
(() => {
  "use strict";
  /* `book/week2/index.html` -> `week2/index`, as files and the command line call a page */
  const docOf = (page) => page.replace(/^(?:[\w-]+\/)?book\//, "").replace(/\.html$/, "");
  const pageOf = (doc) => `book/${doc}.html`;

  const finished = (state) => new Set(Object.keys(state.pages ?? {}).map(docOf));

  /* The ids of the items that are done by what was passed and finished. */
  const shownDone = (plan, state) => {
    const pages = finished(state);
    const needs = (item) => [...(item.exercises ?? []), ...(item.pages ?? [])];
    return plan.items
      .filter((item) => needs(item).length)
      .filter((item) => needs(item).every((name) => Object.hasOwn(state.exercises, name) || pages.has(name)))
      .map((item) => item.id);
  };

  /* Steps done and in all: items, core exercises, pages. */
  const ofWeek = (plan, state) => {
    const ids = new Set(plan.items.map((item) => item.id));
    const ticked = (state.weeks[plan.week]?.done ?? []).filter((id) => ids.has(id));
    const done = new Set([...ticked, ...shownDone(plan, state)]).size;
    const pages = finished(state);
    const passed = plan.core.filter((name) => Object.hasOwn(state.exercises, name)).length;
    const read = plan.pages.filter((doc) => pages.has(doc)).length;
    return { done: done + passed + read, all: ids.size + plan.core.length + plan.pages.length };
  };

  const steps = { docOf, ofWeek, pageOf, shownDone };
  if (typeof module === "object") module.exports = steps;
  else window.courseSteps = steps;
})();
