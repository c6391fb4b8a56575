/* The board of mystery models as lines of a file: written, read and joined as mi_course/learner/submissions.py
   does it. Nothing here touches the page, so that node can test it.

   A model's entry is kept under its name: {submissions, passed, scores: {variable: number}}; passed is when an
   explanation of it passed first, or empty. */
(() => {
  "use strict";
  const TITLE = "# Mystery models";
  const LINE = new RegExp(
    "^[-*+] \\[([ xX])\\] ([A-Za-z_][A-Za-z0-9_]*): (?:open|explained on ([0-9]{4}-[0-9]{2}-[0-9]{2})), " +
      "([0-9]{1,6}) submitted(?:; best (.+))?$",
  );
  const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,39}$/;
  const VARIABLE = /^[^\s,;]{1,80}$/;
  const MANY = 1_000_000;

  const bare = (text) => text.replace(/^[ \t]+|[ \t]+$/g, "");
  const shown = (score) => (Math.floor(100 * score + 0.5) / 100).toFixed(2);

  /* An entry in words. */
  const told = ({ submissions, passed, scores }) => {
    const best = Object.keys(scores).sort().map((name) => `${name} ${shown(scores[name])}`).join(", ");
    const state = passed ? `explained on ${passed.slice(0, 10)}` : "open";
    return `${state}, ${submissions} submitted${best ? `; best ${best}` : ""}`;
  };

  /* The part of a file that holds the board, without its title. */
  const lines = (board) =>
    Object.keys(board).sort().map((name) => `- [${board[name].passed ? "x" : " "}] ${name}: ${told(board[name])}`);

  const scoresOf = (text) => {
    const found = (text ?? "").split(", ").filter(Boolean).map((part) => /^(\S+) ([01]\.[0-9]{2})$/.exec(part));
    return found.every(Boolean) ? Object.fromEntries(found.map(([, name, score]) => [name, Number(score)])) : null;
  };

  /* A line -> [name, entry], or null */
  const parse = (text) => {
    const found = LINE.exec(bare(text));
    const scores = found && scoresOf(found[5]);
    if (!scores || (found[1] !== " ") !== Boolean(found[3])) return null;
    const entry = [found[2], { submissions: Number(found[4]), passed: found[3] ?? "", scores }];
    return isEntry(entry) ? entry : null;
  };

  const isObject = (x) => x !== null && typeof x === "object" && !Array.isArray(x);
  const isScore = ([name, score]) => VARIABLE.test(name) && typeof score === "number" && score >= 0 && score <= 1;
  const isEntry = ([name, entry]) =>
    NAME.test(name) && isObject(entry) && isObject(entry.scores) && Object.entries(entry.scores).every(isScore) &&
    Number.isInteger(entry.submissions) && entry.submissions > 0 && entry.submissions < MANY &&
    (entry.passed === "" || (typeof entry.passed === "string" && !Number.isNaN(Date.parse(entry.passed))));

  /* What stands in a file, looked at; throws where something is no entry. */
  const checked = (raw) => {
    const wrong = isObject(raw) ? Object.entries(raw).find((entry) => !isEntry(entry)) : ["all of it"];
    if (wrong) throw new Error(`an entry of the mystery models makes no sense: ${String(wrong[0]).slice(0, 40)}`);
    return Object.fromEntries(
      Object.entries(raw).map(([name, { submissions, passed, scores }]) => [name, { submissions, passed, scores }]),
    );
  };

  /* Of two entries the larger number, the earlier day, the better score: a second import changes nothing. */
  const joined = (mine, theirs) => {
    if (!mine || !theirs) return mine ?? theirs;
    const scores = { ...mine.scores };
    for (const [name, score] of Object.entries(theirs.scores)) scores[name] = Math.max(score, scores[name] ?? 0);
    const passed = [mine.passed, theirs.passed].filter(Boolean).sort()[0] ?? "";
    return { submissions: Math.max(mine.submissions, theirs.submissions), passed, scores };
  };

  /* Two boards -> the board of both, and the names of what is new in it. */
  const merged = (mine, theirs) => {
    const board = { ...mine };
    for (const [name, entry] of Object.entries(theirs)) board[name] = joined(board[name], entry);
    const told = (entry) => entry && JSON.stringify([entry.submissions, entry.passed, Object.entries(entry.scores).sort()]);
    return { board, news: Object.keys(theirs).sort().filter((name) => told(board[name]) !== told(mine[name])) };
  };

  const mysteries = { TITLE, checked, lines, merged, parse, told };
  if (typeof module === "object") module.exports = mysteries;
  else window.courseMysteries = mysteries;
})();
