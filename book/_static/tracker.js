/* The tracker page. What is typed is kept in this browser; files are the ones that
   `mi-course export` writes. Imported text only ever becomes text: nothing of it is parsed as HTML. */
(() => {
  "use strict";
  const { KEY, empty, load, save } = window.courseProgress;
  const tracker = document.querySelector(".course-tracker");
  const plan = JSON.parse(tracker.querySelector(".course-items").textContent).weeks;
  const said = tracker.querySelector(".course-said");
  const SECTIONS = ["Core Tasks", "Code Deliverables", "Success Criteria"];
  const sectionOf = (item) =>
    ({ deliverable: SECTIONS[1], criterion: SECTIONS[2] })[item.kind] || SECTIONS[0];
  const blank = () => ({ done: [], own: [], learnings: [], blockers: [], hours: {}, notes: "" });

  let state = load();
  const week = (n) => ({ ...blank(), ...(state.weeks[n] || {}) });
  const put = (n, changed) => {
    state = load(); // another tab may have changed it
    state.weeks[n] = { ...week(n), ...changed };
    if (!save(state)) say("This browser keeps nothing for this site: export before you leave.", true);
    paint();
  };
  const say = (text, bad = false) => {
    said.textContent = text;
    said.classList.toggle("course-bad", bad);
  };
  const lines = (text) => text.split("\n").map((l) => l.trim().replace(/\s+/g, " ")).filter(Boolean);
  const total = (hours) => Object.values(hours).reduce((a, b) => a + b, 0);
  const round = (x) => Math.round(x * 100) / 100;
  const element = (name, attributes, ...children) => {
    const made = Object.assign(document.createElement(name), attributes);
    made.append(...children);
    return made;
  };

  // --- showing ---------------------------------------------------------------------------------

  const paintWeek = (form) => {
    const n = form.dataset.week;
    const log = week(n);
    const items = [...form.querySelectorAll("[data-item]")];
    for (const box of items) box.checked = log.done.includes(box.dataset.item);
    form.querySelectorAll(".course-own").forEach((e) => e.remove());
    log.own.forEach((own, i) => {
      const id = `week-${n}-own-${i}`;
      const box = element("input", { type: "checkbox", checked: own.done, id });
      box.dataset.own = i;
      const list = form.querySelector(`[data-section="${own.section}"] ul`);
      const label = element("label", { htmlFor: id }, own.text);
      list?.append(element("li", { className: "course-own" }, box, label));
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
      const remove = element("button", { type: "button" }, "Remove");
      remove.dataset.day = day;
      remove.setAttribute("aria-label", `Remove ${day}`);
      return element("li", {}, `${day}: ${h} h `, remove);
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

  // --- Markdown, as mi_course/learner/weeklog.py writes and reads it -------------------------------------

  const bullets = (texts) => texts.map((t) => `- ${t}`).join("\n");
  const box = (done, text) => `- [${done ? "x" : " "}] ${text}`;

  const renderWeek = (w) => {
    const log = week(w.week);
    const parts = [`# Week ${w.week} Log`];
    for (const section of SECTIONS) {
      const boxes = w.items.filter((i) => sectionOf(i) === section)
        .map((i) => box(log.done.includes(i.id), i.text));
      boxes.push(...log.own.filter((o) => o.section === section).map((o) => box(o.done, o.text)));
      parts.push(`## ${section}`, boxes.join("\n"));
    }
    parts.push("## Key Learnings", bullets(log.learnings), "## Blockers", bullets(log.blockers));
    const times = Object.entries(log.hours).map(([day, h]) => `${day}: ${h} hrs`);
    parts.push("## Time Log", bullets(times), "## Notes", log.notes.trim());
    return parts.filter(Boolean).join("\n\n") + "\n";
  };

  const asMarkdown = () => {
    const passed = Object.keys(state.exercises).sort()
      .map((name) => `- [x] ${name} (${String(state.exercises[name]).slice(0, 10)})`);
    const parts = [...plan.map(renderWeek), "# Exercises passed\n", ...passed];
    return parts.join("\n").trimEnd() + "\n";
  };

  const same = (text) => text.split(/\s+/).filter(Boolean).join(" ").toLowerCase();

  const readLine = (log, ids, section, line) => {
    const boxed = /^[-*] \[([ xX])\] (.+)$/.exec(line);
    if (SECTIONS.includes(section) && boxed) {
      const ticked = boxed[1] !== " ";
      const id = ids[same(boxed[2])];
      if (!id) log.own.push({ section, text: boxed[2].trim(), done: ticked });
      else if (ticked) log.done.push(id);
      return true;
    }
    const bullet = /^[-*] (?:\[[ xX]\] )?(.+)$/.exec(line);
    const into = { "Key Learnings": log.learnings, Blockers: log.blockers }[section];
    if (into && bullet) {
      into.push(bullet[1].trim());
      return true;
    }
    const time = /^[-*] (?:\[[ xX]\] )?(.+?):\s*(?:\[[ xX]\]\s*)?(\d+(?:[.,]\d+)?)\s*(?:h|hr|hrs|hours)\b/
      .exec(line);
    if (section === "Time Log" && time) {
      log.hours[time[1].trim()] = Number(time[2].replace(",", "."));
      return true;
    }
    return false;
  };

  const parseMarkdown = (text) => {
    const found = empty();
    const known = [...SECTIONS, "Key Learnings", "Blockers", "Time Log", "Notes"];
    let log = null, ids = {}, section = "Notes", notes = [], passed = false;
    const close = () => {
      if (log) log.notes = notes.join("\n").replace(/\n{3,}/g, "\n\n").trim();
      notes = [];
    };
    for (const line of text.split(/\r?\n/)) {
      const title = /^# +(.+?)\s*$/.exec(line);
      const number = title && /^Week (\d+) Log$/i.exec(title[1]);
      const heading = /^## +(.+?)\s*$/.exec(line);
      const name = heading && known.find((k) => k.toLowerCase() === heading[1].toLowerCase());
      if (title) {
        close();
        const w = number && plan.find((p) => p.week === Number(number[1]));
        if (number && !w) throw new Error(`there is no week ${number[1]}`);
        log = w ? blank() : null;
        if (w) {
          found.weeks[w.week] = log;
          ids = Object.fromEntries(w.items.map((i) => [same(i.text), i.id]));
        }
        passed = /^Exercises passed$/i.test(title[1]);
        section = "Notes";
      } else if (passed) {
        const exercise = /^- \[x\] (\w+) \((\d{4}-\d\d-\d\d)\)$/.exec(line.trim());
        if (exercise) found.exercises[exercise[1]] = exercise[2];
      } else if (name) section = name;
      else if (log && !readLine(log, ids, section, line.trim())) notes.push(line);
    }
    close();
    if (!Object.keys(found.weeks).length) throw new Error("no line “# Week 1 Log” stands in it");
    return found;
  };

  // --- import ----------------------------------------------------------------------------------

  const isObject = (x) => x !== null && typeof x === "object" && !Array.isArray(x);
  const need = (condition, why) => {
    if (!condition) throw new Error(why);
  };

  /* Every value is looked at before any is taken. */
  const checked = (found) => {
    need(isObject(found) && found.format === KEY, "it was not written by this course");
    need(found.version === 1, `its version is ${String(found.version).slice(0, 20)}, and this page reads 1`);
    need(isObject(found.weeks) && isObject(found.exercises), "weeks or exercises are missing");
    for (const when of Object.values(found.exercises))
      need(typeof when === "string" && !Number.isNaN(Date.parse(when)), "an exercise has no date");
    const weeks = {};
    for (const [n, raw] of Object.entries(found.weeks)) {
      need(plan.some((w) => String(w.week) === n), `there is no week ${n.slice(0, 20)}`);
      need(isObject(raw), `week ${n} is no log`);
      const log = { ...blank(), ...raw };
      for (const name of ["done", "learnings", "blockers"])
        need(Array.isArray(log[name]) && log[name].every((t) => typeof t === "string"),
          `${name} of week ${n} is no list of texts`);
      need(typeof log.notes === "string", `notes of week ${n} are no text`);
      need(Array.isArray(log.own) && log.own.every((o) => isObject(o) && SECTIONS.includes(o.section)
        && typeof o.text === "string" && typeof o.done === "boolean"), `own items of week ${n}`);
      need(isObject(log.hours) && Object.values(log.hours).every((h) =>
        typeof h === "number" && h >= 0 && h <= 24), `hours of week ${n} are not between 0 and 24`);
      const { done, own, learnings, blockers, hours, notes } = log;
      weeks[n] = { done, own, learnings, blockers, hours, notes };
    }
    return { weeks, exercises: found.exercises };
  };

  const union = (a, b, key = (x) => x) => {
    const seen = new Set(a.map(key));
    return [...a, ...b.filter((x) => !seen.has(key(x)))];
  };

  const merge = (found) => {
    state = load();
    state.exercises = { ...found.exercises, ...state.exercises };
    for (const [n, log] of Object.entries(found.weeks)) {
      const mine = week(n);
      const notes = mine.notes.includes(log.notes) ? mine.notes : [mine.notes, log.notes]
        .filter(Boolean).join("\n\n");
      state.weeks[n] = {
        done: union(mine.done, log.done).sort(),
        own: union(mine.own, log.own, (o) => `${o.section}\n${o.text}`),
        learnings: union(mine.learnings, log.learnings),
        blockers: union(mine.blockers, log.blockers),
        hours: { ...mine.hours, ...log.hours },
        notes,
      };
    }
    save(state);
    paint();
  };

  const take = async (file) => {
    try {
      need(file.size < 2_000_000, "it is larger than 2 MB");
      const text = await file.text();
      const isJson = /\.json$/i.test(file.name) || text.trimStart().startsWith("{");
      let found;
      try {
        found = isJson ? JSON.parse(text) : parseMarkdown(text);
      } catch (error) {
        throw new Error(isJson ? "it is no valid JSON" : error.message);
      }
      merge(checked(found));
      say(`Imported ${file.name}: it was added to what was here.`);
    } catch (error) {
      say(`${file.name} was not imported, and nothing was changed: ${error.message}.`, true);
    }
  };

  // --- export ----------------------------------------------------------------------------------

  const sorted = (x) => Array.isArray(x) ? x.map(sorted) : isObject(x)
    ? Object.fromEntries(Object.keys(x).sort().map((k) => [k, sorted(x[k])])) : x;

  const asJson = () => {
    const weeks = Object.fromEntries(plan.map((w) => [w.week, week(w.week)]));
    const out = { format: KEY, version: 1, exercises: state.exercises, weeks };
    return JSON.stringify(sorted(out), null, 1) + "\n";
  };

  const download = (text, name, type) => {
    const url = URL.createObjectURL(new Blob([text], { type }));
    element("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
    say(`Written: ${name}`);
  };

  const actions = {
    json: () => download(asJson(), "mi-course-progress.json", "application/json"),
    markdown: () => download(asMarkdown(), "mi-course-progress.md", "text/markdown"),
    print: () => window.print(),
    clear: () => {
      if (!window.confirm("Remove every tick, note and hour kept in this browser?")) return;
      state = empty();
      save(state);
      paint();
      say("Everything was removed.");
    },
    "add-time": (button) => {
      const form = button.closest(".course-week");
      const [day, hours] = ["day", "hours"].map((name) => form.querySelector(`[name=${name}]`));
      const name = day.value.trim().replace(/\s+/g, " ").replace(/:+$/, "");
      const number = Number(hours.value);
      if (!name || !(number > 0 && number <= 24))
        return say("Give a day, and hours from 0.25 to 24.", true);
      put(form.dataset.week, { hours: { ...week(form.dataset.week).hours, [name]: number } });
      day.value = hours.value = "";
      day.focus();
      say(`${name}: ${number} hours noted.`);
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
  addEventListener("storage", () => { state = load(); paint(); });
  paint();
})();
