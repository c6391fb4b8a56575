/* The logs of the weeks as files: Markdown and JSON, written and read as mi_course/learner/weeklog.py,
   log_text.py, hours.py and export.py do it. Nothing here touches the page or the browser's storage, so that
   node can test it.

   A log of a week is {done: ids, own: [{section, text, done}], learnings, blockers, hours: {day: number},
   notes}; a state is {weeks: {number: log}, exercises: {name: date}, pages: {name: date}, predictions: {name:
   answer}, mysteries: {name: entry}}, with a log for the weeks that have one; predictions.js says what an answer
   is, mysteries.js what an entry is.
   What is not understood of a text is kept among the notes. */
(() => {
  "use strict";
  const VERSION = 1;
  const SECTIONS = ["Core Tasks", "Code Deliverables", "Success Criteria"];
  const HEADINGS = [...SECTIONS, "Key Learnings", "Blockers", "Time Log", "Notes"];
  const PASSED = "# Exercises passed";
  const FINISHED = "# Pages finished";
  const TITLE = /^# +(?:Week ([0-9]+) Log|(Exercises) passed|(Pages) finished|(Predictions)|(Mystery models))[ \t]*$/i;
  const predictions = typeof require === "function" ? require("./predictions.js") : window.coursePredictions;
  const mysteries = typeof require === "function" ? require("./mysteries.js") : window.courseMysteries;
  const BOX = /^[-*+] \[([ xX])\] (.+)$/s;
  const BULLET = /^[-*+] (.+)$/s;

  const blank = () => ({ done: [], own: [], learnings: [], blockers: [], hours: {}, notes: "" });

  /* A week's log; what it does not name is empty. */
  const weekOf = (state, week) => ({ ...blank(), ...(state.weeks[week] || {}) });

  const bare = (text) => text.replace(/^[ \t]+|[ \t]+$/g, "");
  const oneLine = (text) => bare(text).split(/[ \t]+/).join(" ");

  /* Lines without the empty ones before and behind them. */
  const trimmed = (lines) => {
    const full = lines.map((line) => bare(line) !== "");
    return lines.slice(full.indexOf(true), full.lastIndexOf(true) + 1);
  };

  /* --- the hours of a day ----------------------------------------------------------------------- */

  const MOST = 24;
  const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
  const AMOUNT = "([0-9]+(?:[.,][0-9]+)?|[0-9]+:[0-5][0-9])";
  const UNIT = "(?:hours?|hrs?|h)";
  const POINT = "[-*+] (?:\\[[ xX]\\] )?";
  const TIME = new RegExp(`^${POINT}(.+?)[ \\t]*:[ \\t]*(?:\\[[ xX]\\][ \\t]*)?${AMOUNT}[ \\t]*${UNIT}$`, "is");
  // `Monday 2:15 h` and `Monday: 2:90 h`: a colon of a clock does not end the name of a day.
  const CLOCK = new RegExp(`[0-9]:[0-9]{2}[ \\t]*${UNIT}$`, "i");
  // `Monday: 2: 30 h`: nor does a day end with a number of its own after a colon.
  const NUMBER_LAST = /(?:[^0-9]:[ \t]*|:[ \t]+)[0-9.,:]+$/;
  const NO_HOURS = new RegExp(`^${POINT}(?:.*:)?[ \\t_]*(?:\\[[ xX]?\\])?[ \\t_]*${UNIT}?$`, "is");
  const TIMED = /[0-9][ \t]*(?:hours?|hrs?|h|minutes?|min|m)(?![a-z])/i;

  /* To the hundredth of an hour, half a minute. */
  const rounded = (hours) => Math.floor(hours * 100 + 0.5) / 100;

  /* `2.5`, `2,5` or `2:30` -> hours; null where no day has so many */
  const amountOf = (text) => {
    const [whole, minutes] = text.split(":");
    const hours = rounded(Number(whole.replace(",", ".")) + (minutes ? Number(minutes) / 60 : 0));
    return hours <= MOST ? hours : null;
  };

  /* A day as the log calls it: `monday` is Monday, so that their hours add up. */
  const named = (text) => {
    const day = oneLine(text);
    const lower = day.toLowerCase();
    return WEEKDAYS.includes(lower) ? lower[0].toUpperCase() + lower.slice(1) : day;
  };

  /* A bullet `- Monday: 2.5 h` -> [day, hours]; null where it says none that a day has */
  const readHours = (line) => {
    const found = TIME.exec(line);
    if (!found) return null;
    const [day, text] = [named(found[1]), found[2]];
    if (NUMBER_LAST.test(day) || (!text.includes(":") && CLOCK.test(line))) return null;
    const hours = amountOf(text);
    return hours === null ? null : [day, hours];
  };

  /* Whether somebody meant hours by a line of the time log that is not understood. */
  const needsAWord = (line) => (/^[-*+] /.test(line) ? !NO_HOURS.test(line) : TIMED.test(line));

  const hoursLine = (day, hours) => `${day}: ${rounded(hours)} hrs`;

  /* Whether a day can be called so: its line must be read as it is meant. */
  const isDay = (day) => {
    const found = readHours(`- ${hoursLine(day, 1)}`);
    return found !== null && found[0] === day;
  };

  /* --- writing ------------------------------------------------------------------------------ */

  const bullets = (texts) => texts.map((text) => `- ${text}`).join("\n");
  const box = (done, text) => `- [${done ? "x" : " "}] ${text}`;
  const sectionOf = ({ kind }) =>
    ({ deliverable: SECTIONS[1], criterion: SECTIONS[2] })[kind] || SECTIONS[0];

  /* planned: the week in the plan, {week, items}; log -> Markdown */
  const renderWeek = ({ week, items }, log) => {
    const parts = [];
    for (const section of SECTIONS) {
      const boxes = [
        ...items.filter((i) => sectionOf(i) === section).map((i) => box(log.done.includes(i.id), i.text)),
        ...log.own.filter((o) => o.section === section).map((o) => box(o.done, o.text)),
      ];
      parts.push(`## ${section}`, boxes.join("\n"));
    }
    parts.push("## Key Learnings", bullets(log.learnings), "## Blockers", bullets(log.blockers));
    const times = Object.entries(log.hours).map(([day, hours]) => hoursLine(day, hours));
    parts.push("## Time Log", bullets(times), "## Notes", trimmed(linesOf(log.notes)).join("\n"));
    // A line that looks like the title of a part and is none has a space before it.
    const lines = parts.filter(Boolean).join("\n\n").split("\n");
    const guarded = lines.map((line) => (TITLE.test(line) ? ` ${line}` : line));
    return `# Week ${week} Log\n\n${guarded.join("\n")}\n`;
  };

  const isObject = (x) => x !== null && typeof x === "object" && !Array.isArray(x);
  const sorted = (x) => {
    if (Array.isArray(x)) return x.map(sorted);
    if (!isObject(x)) return x;
    return Object.fromEntries(Object.keys(x).sort().map((key) => [key, sorted(x[key])]));
  };

  /* --- reading ------------------------------------------------------------------------------ */

  const linesOf = (text) => text.split(/\r\n|\r|\n/);
  const same = (text) => oneLine(text.replaceAll("\u00a0", " ")).toLowerCase();

  /* The numbers of the lines in blocks of code; a fence that nothing closes is none. */
  const fences = (lines) => {
    const found = new Set();
    const hopeless = {}; // by character, the length from which nothing closes a fence
    for (let i = 0; i < lines.length; i++) {
      const opens = /^[ \t]*(`{3,}|~{3,})(.*)$/s.exec(lines[i]);
      if (!opens || (opens[1][0] === "`" && opens[2].includes("`"))) continue;
      const [mark, n] = [opens[1][0], opens[1].length];
      if (n >= hopeless[mark]) continue;
      const closing = new RegExp(`^[ \\t]*${mark}{${n},}[ \\t]*$`);
      let end = i + 1;
      while (end < lines.length && !closing.test(lines[end])) end++;
      if (end === lines.length) hopeless[mark] = n;
      else {
        for (let j = i; j <= end; j++) found.add(j);
        i = end;
      }
    }
    return found;
  };

  /* The level of the heading on a line, or that the next line underlines, or 0. */
  const levelOf = (lines, i) => {
    const heading = /^ {0,3}(#{1,6})(?:[ \t].*)?$/s.exec(lines[i]);
    if (heading) return heading[1].length;
    const below = lines[i + 1] ?? "";
    if (!/^ {0,3}[^ \t>*+-]/.test(lines[i]) || !/^ {0,3}(?:=+|-+)[ \t]*$/.test(below)) return 0;
    return below.includes("=") ? 1 : 2;
  };

  /* Takes a line into the log; false where it is free text. ids: of the items, by their text; hours: so far */
  const readLine = (log, ids, hours, section, line) => {
    const boxed = BOX.exec(line);
    if (SECTIONS.includes(section) && boxed) {
      const [ticked, text] = [boxed[1] !== " ", bare(boxed[2])];
      const id = ids.get(same(text));
      if (!id) log.own.push({ section, text, done: ticked });
      else if (ticked && !log.done.includes(id)) log.done.push(id);
      return true;
    }
    const bullet = BULLET.exec(line);
    const into = { "Key Learnings": log.learnings, Blockers: log.blockers }[section];
    if (into && bullet) {
      into.push(bare(bullet[1]));
      return true;
    }
    const time = section === "Time Log" ? readHours(line) : null;
    const total = time && rounded((hours.get(time[0]) ?? 0) + time[1]); // lines for one day add up
    if (total === null || total > MOST) return false;
    hours.set(time[0], total);
    return true;
  };

  /* One week's lines, null for a title -> {log, uncounted}: the latter are lines that may be meant as hours */
  const parseWeek = ({ items }, given) => {
    const log = blank();
    const ids = new Map(items.map((item) => [same(item.text), item.id]));
    const [hours, uncounted, notes] = [new Map(), [], [[]]];
    const lines = given.map((line) => line ?? "");
    const fenced = fences(lines);
    let section = "Notes";
    const isFree = (line, i) => {
      if (fenced.has(i)) return true;
      const heading = /^## +(.+?)[ \t]*$/s.exec(line);
      const known = heading && HEADINGS.find((name) => name.toLowerCase() === heading[1].toLowerCase());
      const level = levelOf(lines, i);
      // A heading of one's own ends a section: what stands below it is one's own as well.
      if (known) section = known;
      else if (level && (level <= 2 || !SECTIONS.includes(section))) section = "Notes";
      if (known || level) return !known;
      if (readLine(log, ids, hours, section, bare(line))) return false;
      if (section === "Time Log" && bare(line) && needsAWord(bare(line))) uncounted.push(bare(line));
      return true;
    };
    lines.forEach((line, i) => {
      if (given[i] !== null && isFree(line, i)) notes.at(-1).push(line);
      else notes.push([]);
    });
    log.hours = Object.fromEntries(hours);
    log.done.sort();
    log.notes = notes.map((part) => trimmed(part).join("\n")).filter(Boolean).join("\n\n");
    return { log, uncounted };
  };

  /* A line of an exercise or a page -> [name, date], or null */
  const parsePassed = (line) => {
    const found = /^[-*+] \[[xX]\] ([A-Za-z0-9_][A-Za-z0-9_/-]*) \(([0-9]{4}-[0-9]{2}-[0-9]{2})\)$/.exec(bare(line));
    return found && [found[1], found[2]];
  };

  // The characters of the bytes from 0x80 on; node's own decoder takes them for Latin-1.
  const CP1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";

  /* What an editor saved, in UTF-8 or in one of the older encodings of Windows. bytes: Uint8Array -> text */
  const decoded = (bytes) => {
    const text = (encoding, options) => new TextDecoder(encoding, options).decode(bytes);
    if (bytes[0] === 0xff && bytes[1] === 0xfe) return text("utf-16le");
    if (bytes[0] === 0xfe && bytes[1] === 0xff) return text("utf-16be");
    try {
      return text("utf-8", { fatal: true });
    } catch {
      // A byte that Windows' encoding leaves out stays a character, so that nothing is lost.
      return Array.from(bytes, (byte) => CP1252[byte - 0x80] ?? String.fromCharCode(byte)).join("");
    }
  };

  /* --- what comes from a file ------------------------------------------------------------------ */

  const need = (condition, why) => {
    if (!condition) throw new Error(why);
  };
  const areTexts = (x) => Array.isArray(x) && x.every((text) => typeof text === "string");
  const isOwn = (x) =>
    isObject(x) && SECTIONS.includes(x.section) && typeof x.text === "string" && typeof x.done === "boolean";
  const entry = (text) => bare(text.replace(/[\r\n]+/g, " ")); // a line of a log is one entry
  const areHours = (x) => typeof x === "number" && x >= 0 && x <= MOST;

  const checkedLog = (week, raw) => {
    need(isObject(raw), `week ${week} is no log`);
    const { done, own, learnings, blockers, hours, notes } = { ...blank(), ...raw };
    for (const [name, list] of Object.entries({ done, learnings, blockers }))
      need(areTexts(list), `${name} of week ${week} is no list of texts`);
    need(typeof notes === "string", `notes of week ${week} are no text`);
    need(Array.isArray(own) && own.every(isOwn), `own items of week ${week}`);
    need(isObject(hours) && Object.values(hours).every(areHours), `hours of week ${week} are not between 0 and 24`);
    return {
      done,
      own: own.map((x) => ({ section: x.section, text: entry(x.text), done: x.done })).filter((x) => x.text),
      learnings: learnings.map(entry).filter(Boolean),
      blockers: blockers.map(entry).filter(Boolean),
      hours: largest({}, Object.fromEntries(Object.entries(hours).map(([day, h]) => [entry(day), rounded(h)]))),
      notes,
    };
  };

  /* Hours of both; where both know a day, the larger number, so that a second import changes nothing. */
  const largest = (mine, theirs) => {
    const hours = new Map(Object.entries(mine));
    for (const [day, h] of Object.entries(theirs)) hours.set(named(day), Math.max(h, hours.get(named(day)) ?? 0));
    return Object.fromEntries(hours);
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
    hours: largest(mine.hours, log.hours),
    notes: mine.notes.includes(log.notes) ? mine.notes : [mine.notes, log.notes].filter(Boolean).join("\n\n"),
  });

  const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

  /* What another log adds to one, in sentences, as mi_course/learner/importing.py says it. */
  const added = (mine, both) => {
    const said = [];
    const ticked = both.done.length - mine.done.length;
    if (ticked) said.push(`${count(ticked, "task")} ticked.`);
    const lines = ["own", "learnings", "blockers"].reduce((sum, k) => sum + both[k].length - mine[k].length, 0);
    if (lines) said.push(`${count(lines, "line")} added.`);
    for (const [day, h] of Object.entries(both.hours)) {
      const before = Object.hasOwn(mine.hours, day) ? mine.hours[day] : 0;
      if (h > before) said.push(`${day}: ${h} hours${before ? `, in place of ${before}` : ""}.`);
    }
    if (both.notes !== mine.notes) said.push("notes added.");
    return said;
  };

  /* plan: the weeks of tracker.json; format: the name that files of this course carry.

     An error's message goes on from "was not imported: ". */
  const weeklog = (plan, format) => {
    const planned = (week) => plan.find((p) => String(p.week) === week);

    const asMarkdown = (state) => {
      const dated = (title, found) => [`${title}\n`, ...Object.keys(found).sort()
        .map((name) => `- [x] ${name} (${String(found[name]).slice(0, 10)})`)].join("\n");
      const weeks = plan.map((week) => renderWeek(week, weekOf(state, week.week)));
      const pages = Object.keys(state.pages ?? {}).length ? [dated(FINISHED, state.pages)] : [];
      const answers = predictions.lines(state.predictions ?? {});
      const last = answers.length ? [[`${predictions.TITLE}\n`, ...answers].join("\n")] : [];
      const tried = mysteries.lines(state.mysteries ?? {});
      if (tried.length) last.push([`${mysteries.TITLE}\n`, ...tried].join("\n"));
      const parts = [weeks.join("\n"), dated(PASSED, state.exercises), ...pages, ...last];
      return parts.map((part) => `${part.replace(/\n+$/, "")}\n`).join("\n");
    };

    const asJson = (state) => {
      const weeks = Object.fromEntries(plan.map(({ week }) => [week, weekOf(state, week)]));
      const { exercises, pages = {}, predictions: answers = {}, mysteries: board = {} } = state;
      const predicted = Object.keys(answers).length ? { predictions: answers } : {};
      const tried = Object.keys(board).length ? { mysteries: board } : {};
      const file = { format, version: VERSION, exercises, pages, ...predicted, ...tried, weeks };
      return JSON.stringify(sorted(file), null, 1) + "\n";
    };

    /* A text at its titles -> the lines of each week, the exercises, pages, predictions, board; nothing is left out:
       what stands before the first week belongs to it, and what is none of the latter to the week before. */
    const partsOf = (text) => {
      const [weeks, exercises, pages, predicted, tried, before] = [new Map(), [], [], [], [], []];
      let [lines, dated] = [before, null];
      for (const line of linesOf(text)) {
        const title = TITLE.exec(line);
        const parse = dated === predicted ? predictions.parse : dated === tried ? mysteries.parse : parsePassed;
        const entry = dated && !title ? parse(line) : null;
        if (title?.[1]) {
          const week = String(Number(title[1]));
          need(planned(week), `there is no week ${title[1].slice(0, 20)}`);
          if (!weeks.has(week)) weeks.set(week, []);
          lines = weeks.get(week);
        }
        if (title) dated = title[2] ? exercises : title[3] ? pages : title[4] ? predicted : title[5] ? tried : null;
        if (entry && (dated !== exercises || !entry[0].match(/[/-]/))) dated.push(entry);
        else if (dated !== predicted || !predictions.isSum(line)) lines.push(title ? null : line);
      }
      need(weeks.size, "no line “# Week 1 Log” stands in it");
      const first = [...weeks.keys()][0];
      weeks.set(first, [...before, ...weeks.get(first)]);
      return { weeks, exercises, pages, predicted, tried };
    };

    /* Throws where the text has no log in it, or one of a week that the course does not have. */
    const parseMarkdown = (text) => {
      const parts = partsOf(text);
      const found = { format, version: VERSION, exercises: Object.fromEntries(parts.exercises),
        pages: Object.fromEntries(parts.pages), predictions: Object.fromEntries(parts.predicted),
        mysteries: Object.fromEntries(parts.tried), weeks: {} };
      const uncounted = [];
      for (const [week, lines] of parts.weeks) {
        const read = parseWeek(planned(week), lines);
        found.weeks[week] = read.log;
        uncounted.push(...read.uncounted);
      }
      return { ...found, uncounted };
    };

    /* Every value is looked at before any is taken. -> {weeks, exercises, pages, predictions, mysteries, uncounted};
       throws at the first that is wrong. uncounted: lines of the time logs that may be meant as hours, and count for
       none */
    const checked = (found) => {
      need(isObject(found) && found.format === format, "it was not written by this course");
      const version = String(found.version).slice(0, 20);
      need(found.version === VERSION, `its version is ${version}, and this page reads ${VERSION}`);
      need(isObject(found.weeks) && isObject(found.exercises), "weeks or exercises are missing");
      const isTime = (when) => typeof when === "string" && !Number.isNaN(Date.parse(when));
      need(Object.values(found.exercises).every(isTime), "an exercise has no date");
      const pages = found.pages ?? {};
      need(isObject(pages), "its pages are no table");
      for (const [doc, when] of Object.entries(pages))
        need(/^[A-Za-z0-9_][A-Za-z0-9_/-]*$/.test(doc) && isTime(when), `page ${doc.slice(0, 40)} has no date`);
      const weeks = Object.entries(found.weeks).map(([week, log]) => {
        need(planned(week), `there is no week ${week.slice(0, 20)}`);
        return [week, checkedLog(week, log)];
      });
      const uncounted = areTexts(found.uncounted) ? found.uncounted : [];
      const answers = predictions.checked(found.predictions ?? {});
      const board = mysteries.checked(found.mysteries ?? {});
      return { weeks: Object.fromEntries(weeks), exercises: found.exercises, pages, predictions: answers,
        mysteries: board, uncounted };
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

    /* What was found is added to a state, and nothing of it is lost. -> another state, and what changed in
       sentences. The pages of a state are names here, as in files. */
    const merged = (state, found) => {
      const weeks = { ...state.weeks };
      const said = [];
      for (const [week, log] of Object.entries(found.weeks)) {
        const mine = weekOf(state, week);
        weeks[week] = mergedLog(mine, log);
        said.push(...added(mine, weeks[week]).map((change) => `Week ${week}: ${change}`));
      }
      const news = (name) => Object.keys(found[name]).filter((key) => !Object.hasOwn(state[name] ?? {}, key)).sort();
      const [pages, exercises] = [news("pages"), news("exercises")];
      if (pages.length) said.push(`Finished pages: ${pages.join(", ")}.`);
      if (exercises.length) said.push(`Exercises passed elsewhere: ${exercises.join(", ")}.`);
      const answers = news("predictions"); // of two answers to one question the first counts, which is here
      if (answers.length) said.push(`Predictions: ${answers.join(", ")}.`);
      const { board, news: tried } = mysteries.merged(state.mysteries ?? {}, found.mysteries ?? {});
      if (tried.length) said.push(`Mystery models: ${tried.join(", ")}.`);
      const both = (name) => ({ ...found[name], ...state[name] });
      const more = { ...(answers.length ? { predictions: both("predictions") } : {}),
        ...(tried.length ? { mysteries: board } : {}) };
      return { state: { ...state, weeks, exercises: both("exercises"), pages: both("pages"), ...more }, said };
    };

    return { asJson, asMarkdown, decoded, isDay, merged, named, parseMarkdown, read, rounded, weekOf };
  };

  if (typeof module === "object") module.exports = weeklog;
  else window.courseWeeklog = weeklog;
})();
