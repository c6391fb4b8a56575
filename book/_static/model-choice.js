/* Remembers whose outputs a reader wants, on chapters that have those of several models. The first
   site shows what everyone is given; whoever chose another model is sent on to its twin, the same
   page on that model's site. The page names its twins, from model to address, and its site. */
(() => {
  "use strict";
  const KEY = "mi-course-model";
  const { twins: named, site } = document.currentScript.dataset;
  const twins = JSON.parse(named);

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

  const wanted = kept();
  if (!site && wanted && Object.hasOwn(twins, wanted)) {
    location.replace(new URL(twins[wanted] + location.search + location.hash, location.href));
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.course-switch");
    if (!link) return;
    const address = link.getAttribute("href").split("#")[0];
    keep(Object.keys(twins).find((model) => twins[model] === address));
    link.hash = location.hash; // the section that one is reading
  });
})();
