/* The logs of the weeks as files: Markdown and JSON, written and read as mi_course/learner/weeklog.py and
   export.py do it. Nothing here touches the page or the browser's storage, so that node can test it.

   A log of a week is {done: ids, own: [{section, text, done}], learnings, blockers, hours: {day: number},
   notes}; a state is {weeks: {number: log}, exercises: {name: date}}, with a log for the weeks that have one. */
(() => {
  "use strict";
  const VERSION = 1;
  const SECTIONS = ["Core Tasks", "Code Deliverables", "Success Criteria"];
  const HEADINGS = [...SECTIONS, "Key Learnings", "Blockers", "Time Log", "Notes"];
  const BOX = /^[-*] \[([ xX])\] (.+)$/;
  const BULLET = /^[-*] (?:\[[ xX]\] )?(.+)$/;
  const HOURS =
    /^[-*] (?:\[[ xX]\] )?(.+?):\s*(?:\[[ xX]\]\s*)?(\d+(?:[.,]\d+)?)\s*(?:h|hr|hrs|hours)\b/;

  const blank = () => ({ done: [], own: [], learnings: [], blockers: [], hours: {}, notes: "" });

  /* A week's log; what it does not name is empty. */
  const weekOf = (state, week) => ({ ...blank(), ...(state.weeks[week] || {}) });

  /* --- writing ------------------------------------------------------------------------------ */

  const bullets = (texts) => texts.map((text) => `- ${text}`).join("\n");
  const box = (done, text) => `- [${done ? "x" : " "}] ${text}`;
  const sectionOf = ({ kind }) =>
    ({ deliverable: SECTIONS[1], criterion: SECTIONS[2] })[kind] || SECTIONS[0];

  /* planned: the week in the plan, {week, items}; log -> Markdown */
  const renderWeek = ({ week, items }, log) => {
    const parts = [`# Week ${week} Log`];
    for (const section of SECTIONS) {
      const boxes = [
        ...items.filter((i) => sectionOf(i) === section).map((i) => box(log.done.includes(i.id), i.text)),
        ...log.own.filter((o) => o.section === section).map((o) => box(o.done, o.text)),
      ];
      parts.push(`## ${section}`, boxes.join("\n"));
    }
    parts.push("## Key Learnings", bullets(log.learnings), "## Blockers", bullets(log.blockers));
    const times = Object.entries(log.hours).map(([day, hours]) => `${day}: ${hours} hrs`);
    parts.push("## Time Log", bullets(times), "## Notes", log.notes.trim());
    return parts.filter(Boolean).join("\n\n") + "\n";
  };

  const isObject = (x) => x !== null && typeof x === "object" && !Array.isArray(x);
  const sorted = (x) => {
    if (Array.isArray(x)) return x.map(sorted);
    if (!isObject(x)) return x;
    return Object.fromEntries(Object.keys(x).sort().map((key) => [key, sorted(x[key])]));
  };

  /* --- reading ------------------------------------------------------------------------------ */

  const same = (text) => text.split(/\s+/).filter(Boolean).join(" ").toLowerCase();

  /* Takes a line into the log; false where it is free text. ids: of the items, by their text */
  const readLine = (log, ids, section, line) => {
    const boxed = BOX.exec(line);
    if (SECTIONS.includes(section) && boxed) {
      const ticked = boxed[1] !== " ";
      const id = ids[same(boxed[2])];
      if (!id) log.own.push({ section, text: boxed[2].trim(), done: ticked });
      else if (ticked) log.done.push(id);
      return true;
    }
    const bullet = BULLET.exec(line);
    const into = { "Key Learnings": log.learnings, Blockers: log.blockers }[section];
    if (into && bullet) {
      into.push(bullet[1].trim());
      return true;
    }
    const time = HOURS.exec(line);
    if (section === "Time Log" && time) {
      log.hours[time[1].trim()] = Number(time[2].replace(",", "."));
      return true;
    }
    return false;
  };

  /* One week's lines below its title -> log; what stands in no known section is kept among the notes. */
  const parseWeek = ({ items }, lines) => {
    const log = blank();
    const ids = Object.fromEntries(items.map((item) => [same(item.text), item.id]));
    const notes = [];
    let section = "Notes";
    for (const line of lines) {
      const heading = /^## +(.+?)\s*$/.exec(line);
      const known = heading && HEADINGS.find((name) => name.toLowerCase() === heading[1].toLowerCase());
      if (known) section = known;
      else if (!readLine(log, ids, section, line.trim())) notes.push(line);
    }
    log.notes = notes.join("\n").replace(/\n{3,}/g, "\n\n").trim();
    return log;
  };

  const parsePassed = (lines) => {
    const found = lines.map((line) => /^- \[x\] (\w+) \((\d{4}-\d\d-\d\d)\)$/.exec(line.trim()));
    return Object.fromEntries(found.filter(Boolean).map(([, name, date]) => [name, date]));
  };

  /* A text at its titles, `# …`: [[title, lines]]; what stands before the first is left out. */
  const chaptersOf = (text) => {
    const chapters = [];
    for (const line of text.split(/\r?\n/)) {
      const title = /^# +(.+?)\s*$/.exec(line);
      if (title) chapters.push([title[1], []]);
      else if (chapters.length) chapters.at(-1)[1].push(line);
    }
    return chapters;
  };

  /* --- what comes from a file ------------------------------------------------------------------ */

  const need = (condition, why) => {
    if (!condition) throw new Error(why);
  };
  const areTexts = (x) => Array.isArray(x) && x.every((text) => typeof text === "string");
  const isOwn = (x) =>
    isObject(x) && SECTIONS.includes(x.section) && typeof x.text === "string" && typeof x.done === "boolean";
  const areHours = (x) => typeof x === "number" && x >= 0 && x <= 24;

  const checkedLog = (week, raw) => {
    need(isObject(raw), `week ${week} is no log`);
    const { done, own, learnings, blockers, hours, notes } = { ...blank(), ...raw };
    for (const [name, list] of Object.entries({ done, learnings, blockers }))
      need(areTexts(list), `${name} of week ${week} is no list of texts`);
    need(typeof notes === "string", `notes of week ${week} are no text`);
    need(Array.isArray(own) && own.every(isOwn), `own items of week ${week}`);
    need(isObject(hours) && Object.values(hours).every(areHours), `hours of week ${week} are not between 0 and 24`);
    return { done, own, learnings, blockers, hours, notes };
  };

  const union = (a, b, key = (x) => x) => {
    const seen = new Set(a.map(key));
    return [...a, ...b.filter((x) => !seen.has(key(x)))];
  };

  const mergedLog = (mine, log) => ({
    done: union(mine.done, log.done).sort(),
    own: union(mine.own, log.own, ({ section, text }) => `${section}\n${text}`),
    learnings: union(mine.learnings, log.learnings),
    blockers: union(mine.blockers, log.blockers),
    hours: { ...mine.hours, ...log.hours },
    notes: mine.notes.includes(log.notes) ? mine.notes : [mine.notes, log.notes].filter(Boolean).join("\n\n"),
  });

  /* plan: the weeks of tracker.json; format: the name that files of this course carry.

     An error's message goes on from "was not imported: ". */
  const weeklog = (plan, format) => {
    const planned = (week) => plan.find((p) => String(p.week) === week);

    const asMarkdown = (state) => {
      const passed = Object.keys(state.exercises).sort()
        .map((name) => `- [x] ${name} (${String(state.exercises[name]).slice(0, 10)})`);
      const weeks = plan.map((week) => renderWeek(week, weekOf(state, week.week)));
      return [...weeks, "# Exercises passed\n", ...passed].join("\n").trimEnd() + "\n";
    };

    const asJson = (state) => {
      const weeks = Object.fromEntries(plan.map(({ week }) => [week, weekOf(state, week)]));
      const file = { format, version: VERSION, exercises: state.exercises, weeks };
      return JSON.stringify(sorted(file), null, 1) + "\n";
    };

    /* Throws where the text has no log in it, or one of a week that the course does not have. */
    const parseMarkdown = (text) => {
      const found = { format, version: VERSION, exercises: {}, weeks: {} };
      for (const [title, lines] of chaptersOf(text)) {
        const [, week] = /^Week (\d+) Log$/i.exec(title) || [];
        if (week) {
          const ours = planned(String(Number(week)));
          need(ours, `there is no week ${week}`);
          found.weeks[ours.week] = parseWeek(ours, lines);
        }
        if (/^Exercises passed$/i.test(title)) Object.assign(found.exercises, parsePassed(lines));
      }
      need(Object.keys(found.weeks).length, "no line “# Week 1 Log” stands in it");
      return found;
    };

    /* Every value is looked at before any is taken. -> {weeks, exercises}; throws at the first that is wrong */
    const checked = (found) => {
      need(isObject(found) && found.format === format, "it was not written by this course");
      const version = String(found.version).slice(0, 20);
      need(found.version === VERSION, `its version is ${version}, and this page reads ${VERSION}`);
      need(isObject(found.weeks) && isObject(found.exercises), "weeks or exercises are missing");
      for (const when of Object.values(found.exercises))
        need(typeof when === "string" && !Number.isNaN(Date.parse(when)), "an exercise has no date");
      const weeks = Object.entries(found.weeks).map(([week, log]) => {
        need(planned(week), `there is no week ${week.slice(0, 20)}`);
        return [week, checkedLog(week, log)];
      });
      return { weeks: Object.fromEntries(weeks), exercises: found.exercises };
    };

    /* What stands in a file's text, checked: JSON or Markdown. */
    const read = (name, text) => {
      if (!/\.json$/i.test(name) && !text.trimStart().startsWith("{")) return checked(parseMarkdown(text));
      let found;
      try {
        found = JSON.parse(text);
      } catch {
        throw new Error("it is no valid JSON");
      }
      return checked(found);
    };

    /* What was found is added to a state, and nothing of it is lost. -> another state */
    const merged = (state, found) => {
      const weeks = { ...state.weeks };
      for (const [week, log] of Object.entries(found.weeks)) weeks[week] = mergedLog(weekOf(state, week), log);
      return { ...state, weeks, exercises: { ...found.exercises, ...state.exercises } };
    };

    return { asJson, asMarkdown, merged, parseMarkdown, read, weekOf };
  };

  if (typeof module === "object") module.exports = weeklog;
  else window.courseWeeklog = weeklog;
})();
