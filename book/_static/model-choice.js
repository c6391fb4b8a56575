/* Remembers whose outputs a reader wants, on chapters that have both: GPT-2's pages and their twins
   under pocket/. GPT-2's is the page that everyone is given; whoever chose pocket is sent on. */
(() => {
  "use strict";
  const KEY = "mi-course-model";
  const { shows, twin } = document.currentScript.dataset;
  const other = shows === "gpt2" ? "pocket" : "gpt2";

  const kept = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is off: the link still leads to the twin
    }
  };
  const keep = (model) => {
    try {
      localStorage.setItem(KEY, model);
    } catch {}
  };

  if (shows === "gpt2" && kept() === "pocket") {
    location.replace(new URL(twin + location.search + location.hash, location.href));
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.course-switch");
    if (!link) return;
    keep(other);
    link.hash = location.hash; // the section that one is reading
  });
})();
