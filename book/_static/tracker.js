/* The tracker page. What is typed is kept in this browser; files are the ones that
   `mi-course export` writes, and weeklog.js reads and writes them. Imported text only ever becomes text:
   nothing of it is parsed as HTML. */
(() => {
  "use strict";
  const { KEY, empty, load, save } = window.courseProgress;
  const element = window.courseElement;
  const tracker = document.querySelector(".course-tracker");
  const plan = JSON.parse(tracker.querySelector(".course-items").textContent).weeks;
  const said = tracker.querySelector(".course-said");
  const files = window.courseWeeklog(plan, KEY);
  const steps = window.courseSteps;
  const planned = (n) => window.coursePlan.find((w) => String(w.week) === String(n));
  /* A state keeps the addresses of pages, files keep their names. */
  const withPages = (state, name) =>
    ({ ...state, pages: Object.fromEntries(Object.entries(state.pages).map(([key, when]) => [name(key), when])) });
  const forFile = (state) => withPages(state, steps.docOf);
  const LARGEST = 2_000_000; // bytes of a file that is read
  const NOT_KEPT = "This browser keeps nothing new for this site, since its storage is full or off: export before you leave.";

  let state = load();
  let kept = true; // whether the browser took the state as it is
  let keeping = false; // while this page saves: what it is told of then is its own
  const week = (n) => files.weekOf(state, n);
  /* Another tab may have changed it; what could not be kept is on this page only. */
  const current = () => (kept ? load() : state);
  /* Keeps a state and shows it, then says what was done, or that it was not kept, where somebody acted. */
  const keep = (changed, done = "", where = said) => {
    state = changed;
    const before = kept;
    keeping = true;
    kept = save(state);
    keeping = false;
    paint();
    if (!kept) say(done ? `${done} ${NOT_KEPT}` : NOT_KEPT, true, where);
    else if (done || !before) say(done, false, where);
  };
  const put = (n, changed, done) => {
    const now = current();
    const where = document.querySelector(`.course-week[data-week="${n}"] .course-said`);
    keep({ ...now, weeks: { ...now.weeks, [n]: { ...files.weekOf(now, n), ...changed } } }, done, where);
  };
  const say = (text, bad = false, where = said) => {
    for (const other of document.querySelectorAll(".course-said")) if (other !== where) other.textContent = "";
    where.textContent = text;
    where.classList.toggle("course-bad", bad);
  };
  const lines = (text) => text.split("\n").map((l) => l.trim().replace(/\s+/g, " ")).filter(Boolean);
  const total = (hours) => Object.values(hours).reduce((a, b) => a + b, 0);
  const round = (x) => Math.round(x * 100) / 100;

  // --- showing ---------------------------------------------------------------------------------

  const paintWeek = (form) => {
    const n = form.dataset.week;
    const log = week(n);
    const items = [...form.querySelectorAll("[data-item]")];
    const shown = steps.shownDone(planned(n), state);
    for (const box of items) {
      const known = shown.includes(box.dataset.item);
      box.checked = known || log.done.includes(box.dataset.item);
      box.disabled = known; // what was passed stays passed
      box.closest("li").querySelector(".course-known").hidden = !known;
    }
    form.querySelectorAll(".course-own").forEach((e) => e.remove());
    log.own.forEach((own, i) => {
      const id = `week-${n}-own-${i}`;
      const box = element("input", { type: "checkbox", id, "data-own": i });
      box.checked = own.done;
      const list = form.querySelector(`[data-section="${own.section}"] ul`);
      list?.append(element("li", { class: "course-own" }, box, element("label", { for: id }, own.text)));
    });
    for (const name of ["learnings", "blockers"]) {
      const field = form.querySelector(`[name=${name}]`);
      if (field !== document.activeElement) field.value = log[name].join("\n");
    }
    const notes = form.querySelector("[name=notes]");
    if (notes !== document.activeElement) notes.value = log.notes;
    const done = items.filter((box) => box.checked).length;
    form.querySelector("progress").value = done;
    const hours = round(total(log.hours));
    form.querySelector(".course-bar output").textContent = `${done} of ${items.length} items, ${hours} h of 12`;
    const list = form.querySelector(".course-time ul");
    list.replaceChildren(...Object.entries(log.hours).map(([day, h]) => {
      const named = { type: "button", "data-day": day, "aria-label": `Remove ${day}` };
      return element("li", {}, `${day}: ${h} h `, element("button", named, "Remove"));
    }));
    form.querySelector(".course-time p output").textContent = hours ? `${hours} hours in all` : "";
  };

  const paintMysteries = () => {
    for (const row of document.querySelectorAll("[data-mystery]")) {
      const entry = state.mysteries?.[row.dataset.mystery];
      row.querySelector("output").textContent = entry ? window.courseMysteries.told(entry) : "not tried";
    }
  };

  const paint = () => {
    paintMysteries();
    document.querySelectorAll(".course-week").forEach(paintWeek);
    const ids = plan.flatMap((w) => w.items.map((item) => item.id));
    const known = plan.flatMap((w) => [...week(w.week).done, ...steps.shownDone(planned(w.week), state)]);
    const done = new Set(known.filter((id) => ids.includes(id))).size;
    const hours = round(plan.reduce((sum, w) => sum + total(week(w.week).hours), 0));
    const [passed, pages] = [state.exercises, state.pages].map((found) => Object.keys(found).length);
    tracker.querySelector(".course-all output").textContent =
      `${done} of ${ids.length} items done, ${hours} of ${12 * plan.length} hours logged` +
      (passed ? `, ${passed} ${passed === 1 ? "exercise" : "exercises"} passed` : "") +
      (pages ? `, ${pages} ${pages === 1 ? "page" : "pages"} finished.` : ".");
  };

  // --- import ----------------------------------------------------------------------------------

  const take = async (file) => {
    try {
      if (file.size >= LARGEST) throw new Error("it is larger than 2 MB");
      const found = files.read(file.name, files.decoded(new Uint8Array(await file.arrayBuffer())));
      const odd = found.uncounted.map((line) => ` Not counted as hours, and kept among the notes: “${line}”.`);
      const merged = files.merged(forFile(current()), found);
      const told = merged.said.join(" ") || "Everything in it was here already, and nothing was changed.";
      keep(withPages(merged.state, steps.pageOf), `Imported ${file.name}. ${told}${odd.join("")}`);
    } catch (error) {
      say(`${file.name} was not imported, and nothing was changed: ${error.message}.`, true);
    }
  };

  // --- export ----------------------------------------------------------------------------------

  const download = (text, name, type) => {
    const url = URL.createObjectURL(new Blob([text], { type }));
    element("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
    say(`Handed to your browser to save: ${name}`);
  };

  const actions = {
    json: () => download(files.asJson(forFile(state)), "mi-course-progress.json", "application/json"),
    markdown: () => download(files.asMarkdown(forFile(state)), "mi-course-progress.md", "text/markdown"),
    print: () => window.print(),
    clear: () => {
      if (!window.confirm("Remove every tick, note, hour and finished page kept in this browser?")) return;
      keep(empty(), "Everything was removed.");
    },
    "add-time": (button) => {
      const form = button.closest(".course-week");
      const refuse = (text) => say(text, true, form.querySelector(".course-said"));
      const [day, hours] = ["day", "hours"].map((name) => form.querySelector(`[name=${name}]`));
      const name = files.named(day.value.trim().replace(/\s+/g, " ").replace(/:+$/, ""));
      const number = files.rounded(Number(hours.value));
      if (!name || !(number > 0 && number <= 24)) return refuse("Give a day, and hours up to 24, such as 2.5.");
      if (!files.isDay(name)) return refuse(`A day cannot be called “${name}”: leave out boxes, and numbers after a colon.`);
      const noted = week(form.dataset.week).hours;
      const before = Object.hasOwn(noted, name) ? noted[name] : 0;
      const all = files.rounded(before + number);
      if (all > 24) return refuse(`${name} has ${before} hours already: with ${number} more it would have over 24.`);
      const done = before ? `${name}: ${number} hours added, ${all} in all.` : `${name}: ${number} hours noted.`;
      put(form.dataset.week, { hours: { ...noted, [name]: all } }, done);
      day.value = hours.value = "";
      day.focus();
    },
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-do]");
    if (button) actions[button.dataset.do](button);
    const remove = event.target.closest("button[data-day]");
    if (remove) {
      const form = remove.closest(".course-week");
      const hours = { ...week(form.dataset.week).hours };
      delete hours[remove.dataset.day];
      put(form.dataset.week, { hours });
      form.querySelector("[name=day]").focus();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.closest?.(".course-time input")) return;
    event.preventDefault();
    actions["add-time"](event.target);
  });
  document.addEventListener("change", (event) => {
    if (event.target.type === "file" && event.target.files.length) {
      take(event.target.files[0]).then(() => { event.target.value = ""; });
      return;
    }
    const form = event.target.closest(".course-week");
    if (!form) return;
    const log = week(form.dataset.week);
    const { item, own } = event.target.dataset;
    if (item) {
      const rest = log.done.filter((id) => id !== item);
      put(form.dataset.week, { done: event.target.checked ? [...rest, item].sort() : rest });
    } else if (own !== undefined) {
      const changed = log.own.map((o, i) => i === Number(own) ? { ...o, done: event.target.checked } : o);
      put(form.dataset.week, { own: changed });
    }
  });
  document.addEventListener("input", (event) => {
    const form = event.target.closest?.(".course-week");
    const { name, value } = event.target;
    if (!form) return;
    if (name === "learnings" || name === "blockers") put(form.dataset.week, { [name]: lines(value) });
    if (name === "notes") put(form.dataset.week, { notes: value });
  });
  addEventListener("storage", () => { state = current(); paint(); });
  addEventListener("course-progress", () => { // another script of this page kept something
    if (keeping) return;
    state = current();
    paint();
  });
  paint();
})();
