/* What the site remembers for a learner, in this browser only: which pages are finished, and where
   they left off. The tracker page keeps its ticks in the same place, as courseProgress.state. */
(() => {
  "use strict";
  const KEY = "mi-course-progress";
  const DAMAGED = `${KEY}-damaged`; // what could not be read, so that the next tick does not overwrite it
  const empty = () => ({
    format: "mi-course-progress", version: 1, exercises: {}, predictions: {}, mysteries: {}, weeks: {}, pages: {},
  });

  const load = () => {
    let text = null;
    try {
      text = localStorage.getItem(KEY);
      const found = JSON.parse(text);
      if (found?.format === KEY) return { ...empty(), ...found };
    } catch {
      // storage is off, or what it holds is damaged
    }
    if (text) write(DAMAGED, text);
    return empty();
  };
  const write = (key, text) => {
    try {
      localStorage.setItem(key, text);
      return true;
    } catch {
      return false; // storage is off or full: the page still works
    }
  };
  /* Keeps a state, and lets every part of the page that shows it know. */
  const save = (state) => {
    const kept = write(KEY, JSON.stringify(state));
    dispatchEvent(new Event("course-progress"));
    return kept;
  };
  window.courseProgress = { KEY, empty, load, save };

  const root = new URL(document.documentElement.dataset.content_root || "./", location.href).href;
  const pageOf = (href) => new URL(href, location.href).href.split("#")[0].replace(root, "");
  const here = pageOf(location.href);
  const isChapter = (page) => /^book\/(week\d+|labs)\//.test(page);

  const element = window.courseElement;

  const links = () => [...document.querySelectorAll("nav.bd-links a.reference.internal")];

  const paintTicks = () => {
    const { pages } = load();
    for (const link of links()) {
      const done = Boolean(pages[pageOf(link.href)]);
      link.classList.toggle("course-done", done);
      link.querySelector(".course-tick")?.remove();
      if (done) {
        const said = element("span", { class: "visually-hidden" }, "(finished)");
        link.append(element("span", { class: "course-tick" }, " ✓", said));
      }
    }
  };

  /* A bar for each week, behind its title in the sidebar. */
  const paintBars = () => {
    const state = load();
    const captions = [...document.querySelectorAll("nav.bd-links p.caption")];
    for (const plan of window.coursePlan ?? []) {
      const caption = captions.find((c) => c.querySelector(".caption-text")?.textContent === `Week ${plan.week}`);
      if (!caption) continue;
      const { done, all } = window.courseSteps.ofWeek(plan, state);
      const said = `Week ${plan.week}: ${done} of ${all} tasks, checks and pages done`;
      const bar = element("progress", { class: "course-week-bar", max: all, value: done, "aria-label": said, title: said });
      caption.querySelector(".course-week-bar")?.remove();
      caption.append(bar);
    }
  };
  const paintSidebar = () => {
    paintTicks();
    paintBars();
  };

  const addBox = (article) => {
    const onchange = () => {
      const state = load();
      if (box.checked) state.pages[here] = new Date().toISOString();
      else delete state.pages[here];
      const kept = save(state);
      box.checked = Boolean(load().pages[here]);
      said.textContent = kept ? "" : " This browser keeps nothing new for this site: its storage is full or off.";
    };
    const said = element("span", { role: "status" });
    const box = element("input", { type: "checkbox", id: "course-finished", onchange });
    box.checked = Boolean(load().pages[here]);
    const label = element("label", { for: "course-finished" }, box, " I have finished this page");
    article.append(element("p", { class: "course-finished" }, label, said));
  };

  const remember = () => {
    const heading = () => {
      const seen = [...document.querySelectorAll("article.bd-article section[id] > h2")]
        .filter((h) => h.getBoundingClientRect().top < innerHeight / 2);
      return seen.at(-1);
    };
    const note = () => {
      const state = load();
      const at = heading();
      const title = document.querySelector("article.bd-article h1");
      const words = (e) => (e ? e.firstChild.textContent.trim() : "");
      state.last = { page: here, title: words(title), section: words(at),
        hash: at ? at.parentElement.id : "" };
      write(KEY, JSON.stringify(state)); // nothing that the sidebar shows
    };
    note();
    addEventListener("pagehide", note);
    let waiting = 0;
    addEventListener("scroll", () => {
      clearTimeout(waiting);
      waiting = setTimeout(note, 400);
    }, { passive: true });
  };

  const offerToContinue = (article) => {
    const { last } = load();
    if (!last || !isChapter(String(last.page)) || !/^[\w./-]+$/.test(last.page)) return;
    const address = new URL(last.page, root);
    address.hash = last.hash ? String(last.hash) : "";
    const text = last.section ? `${last.title}: ${last.section}` : String(last.title);
    const onclick = () => {
      try {
        sessionStorage.setItem("mi-course-continues", "yes"); // predict.js: who goes on has not seen it yet
      } catch {} // storage is off: the section is open
    };
    const link = element("a", { href: address.href, onclick }, text);
    const line = element("p", { class: "course-continue" }, "Continue where you left off: ", link);
    article.querySelector("h1")?.after(line);
  };

  const linkPitfalls = (article) => {
    const pitfalls = article.querySelector("section[id*=pitfall]");
    if (!pitfalls) return;
    for (const exercise of article.querySelectorAll("div.admonition.exercise")) {
      const link = element("a", { href: `#${pitfalls.id}` }, "Stuck? See the pitfalls");
      exercise.append(element("p", { class: "course-stuck" }, link));
    }
  };

  /* A term shows its definition while it is hovered or has the focus; Escape hides it. */
  const showDefinitions = () => {
    const box = element("div", { id: "course-definition", hidden: true, role: "tooltip" });
    document.body.append(box);
    let owner = null;
    const hide = () => {
      owner?.removeAttribute("aria-describedby");
      owner = null;
      box.hidden = true;
    };
    const show = (term) => {
      if (term === owner) return;
      hide();
      owner = term;
      box.textContent = term.dataset.definition;
      box.hidden = false;
      term.setAttribute("aria-describedby", box.id);
      const at = term.getBoundingClientRect();
      const left = Math.max(8, Math.min(at.left, innerWidth - box.offsetWidth - 8));
      const below = at.bottom + 6 + box.offsetHeight < innerHeight;
      box.style.left = `${left}px`;
      box.style.top = `${below ? at.bottom + 6 : at.top - box.offsetHeight - 6}px`;
    };
    const termOf = (event) => event.target.closest?.("[data-definition]");
    for (const kind of ["pointerover", "focusin"])
      document.addEventListener(kind, (event) => {
        const term = termOf(event);
        if (term) show(term);
        else if (kind === "focusin" || !box.contains(event.target)) hide();
      });
    document.addEventListener("focusout", hide);
    document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
    addEventListener("scroll", hide, { passive: true });
  };

  const start = () => {
    const article = document.querySelector("article.bd-article");
    paintSidebar();
    addEventListener("storage", paintSidebar);
    addEventListener("course-progress", paintSidebar);
    if (!article) return;
    if (isChapter(here)) {
      addBox(article);
      remember();
      linkPitfalls(article);
    }
    if (here === "book/intro.html") offerToContinue(article);
    if (document.querySelector("[data-definition]")) showDefinitions();
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
