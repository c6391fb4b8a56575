/* The large scripts of a page, fetched when they are wanted.

   A page names what it may come to need as <script type="text/lazy" src="...">, which no browser fetches.
   `courseLibrary(part of its name)` fetches and runs it, once, and gives a promise. `ahead` fetches it
   without running it, so that it is there when it is wanted. */
(() => {
  "use strict";
  const promises = new Map();
  const find = (name) => document.querySelector(`script[type="text/lazy"][src*="${name}"]`);

  const insert = (tag, properties) =>
    new Promise((resolve, reject) => {
      const element = Object.assign(document.createElement(tag), properties);
      element.onload = resolve;
      element.onerror = () => reject(new Error("a part of this page did not arrive"));
      document.head.append(element);
    });

  const library = (name) => {
    if (!promises.has(name)) promises.set(name, insert("script", { src: find(name).src }));
    return promises.get(name);
  };

  library.ahead = (name) => {
    const script = find(name);
    if (!script || promises.has(name) || script.dataset.ahead) return;
    script.dataset.ahead = "yes";
    insert("link", { rel: "preload", as: "script", href: script.src }).catch(() => {});
  };

  /* Lets the browser draw and answer between two pieces of work. */
  library.pause = () => new Promise((resolve) => setTimeout(resolve));

  window.courseLibrary = library;
})();
