/* Marks in the page's table of contents the section that one reads, and those that hold it. The theme's
   own marking goes out in a section that is longer than the screen. */
(() => {
  "use strict";
  delete document.body.dataset.bsSpy; // the theme's, which begins once the page is loaded
  const LINE = 0.3; // of the screen's height: what begins above it is being read
  const links = [...document.querySelectorAll(".page-toc a.nav-link, #pst-page-toc-nav a.nav-link")];
  if (!links.length) return;
  // Asked for each time: a script may make a section later.
  const found = () =>
    links
      .map((link) => ({ link, section: document.getElementById(decodeURIComponent(link.hash.slice(1))) }))
      .filter(({ section }) => section);

  const mark = () => {
    const targets = found();
    const read = targets.filter(({ section }) => section.getBoundingClientRect().top < LINE * innerHeight);
    const here = read.at(-1);
    const holds = (section) => here && section.contains(here.section);
    for (const { link, section } of targets) {
      link.classList.toggle("active", Boolean(holds(section)));
      if (here && section === here.section) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  let asked = false;
  const soon = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      mark();
    });
  };
  addEventListener("scroll", soon, { passive: true });
  addEventListener("resize", soon);
  mark();
})();
