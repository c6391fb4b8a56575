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
  const LARGEST = 2_000_000; // bytes of a file that is read
  const NOT_KEPT = "This browser keeps nothing new for this site, since its storage is full or off: export before you leave.";

  let state = load();
  let kept = true; // whether the browser took the state as it is
  const week = (n) => files.weekOf(state, n);
  /* Another tab may have changed it; what could not be kept is on this page only. */
  const current = () => (kept ? load() : state);
  /* Keeps a state and shows it, then says what was done, or that it was not kept. */
  const keep = (changed, done = "") => {
    state = changed;
    const before = kept;
    kept = save(state);
    paint();
    if (!kept) say(done ? `${done} ${NOT_KEPT}` : NOT_KEPT, true);
    else if (done || !before) say(done);
  };
  const put = (n, changed, done) => {
    const now = current();
    keep({ ...now, weeks: { ...now.weeks, [n]: { ...files.weekOf(now, n), ...changed } } }, done);
  };
  const say = (text, bad = false) => {
    said.textContent = text;
    said.classList.toggle("course-bad", bad);
  };
  const lines = (text) => text.split("\n").map((l) => l.trim().replace(/\s+/g, " ")).filter(Boolean);
  const total = (hours) => Object.values(hours).reduce((a, b) => a + b, 0);
  const round = (x) => Math.round(x * 100) / 100;

  // --- showing ---------------------------------------------------------------------------------

  const paintWeek = (form) => {
    const n = form.dataset.week;
    const log = week(n);
    const items = [...form.querySelectorAll("[data-item]")];
    for (const box of items) box.checked = log.done.includes(box.dataset.item);
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
    form.querySelector(".course-bar output").textContent = `${done} of ${items.length}, ${hours} h of 12`;
    const list = form.querySelector(".course-time ul");
    list.replaceChildren(...Object.entries(log.hours).map(([day, h]) => {
      const named = { type: "button", "data-day": day, "aria-label": `Remove ${day}` };
      return element("li", {}, `${day}: ${h} h `, element("button", named, "Remove"));
    }));
    form.querySelector(".course-time p output").textContent = hours ? `${hours} hours in all` : "";
  };

  const paint = () => {
    document.querySelectorAll(".course-week").forEach(paintWeek);
    const ids = plan.flatMap((w) => w.items.map((item) => item.id));
    const done = plan.flatMap((w) => week(w.week).done).filter((id) => ids.includes(id)).length;
    const hours = round(plan.reduce((sum, w) => sum + total(week(w.week).hours), 0));
    const passed = Object.keys(state.exercises).length;
    tracker.querySelector(".course-all output").textContent =
      `${done} of ${ids.length} items done, ${hours} of ${12 * plan.length} hours logged` +
      (passed ? `, ${passed} exercises passed.` : ".");
  };

  // --- import ----------------------------------------------------------------------------------

  const take = async (file) => {
    try {
      if (file.size >= LARGEST) throw new Error("it is larger than 2 MB");
      const found = files.read(file.name, files.decoded(new Uint8Array(await file.arrayBuffer())));
      const odd = found.uncounted.map((line) => ` Not counted as hours, and kept among the notes: “${line}”.`);
      keep(files.merged(current(), found), `Imported ${file.name}: it was added to what was here.${odd.join("")}`);
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
    json: () => download(files.asJson(state), "mi-course-progress.json", "application/json"),
    markdown: () => download(files.asMarkdown(state), "mi-course-progress.md", "text/markdown"),
    print: () => window.print(),
    clear: () => {
      if (!window.confirm("Remove every tick, note and hour kept in this browser?")) return;
      keep(empty(), "Everything was removed.");
    },
    "add-time": (button) => {
      const form = button.closest(".course-week");
      const [day, hours] = ["day", "hours"].map((name) => form.querySelector(`[name=${name}]`));
      const name = day.value.trim().replace(/\s+/g, " ").replace(/:+$/, "");
      const number = files.rounded(Number(hours.value));
      if (!name || !(number > 0 && number <= 24)) return say("Give a day, and hours up to 24, such as 2.5.", true);
      if (!files.isDay(name)) return say(`A day cannot be called “${name}”: leave out boxes, and numbers after a colon.`, true);
      const noted = { ...week(form.dataset.week).hours, [name]: number };
      put(form.dataset.week, { hours: noted }, `${name}: ${number} hours noted.`);
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
  paint();
})();
