/* Answers to predictions and questions of recall as lines of a file, and what they come to: written, read and
   summed up as mi_course/learner/predictions.py does it. Nothing here touches the page, so that node can test it.

   An answer is kept under its question's name: {kind, said, sure, week, was, unit, right, at}. */
(() => {
  "use strict";
  const TITLE = "# Predictions";
  const SURE = { guess: "Guess", fairly: "Fairly sure", certain: "Certain" };
  const KINDS = ["number", "choice", "order", "recall"];
  const LINE = new RegExp(
    "^[-*+] \\[([ xX])\\] (.+?) \\(week ([0-9]{1,2}), (number|choice|order|recall)" +
      "(?:, (guess|fairly|certain))?, ([0-9]{4}-[0-9]{2}-[0-9]{2})\\): " +
      "said (.+?) \\| was (.+?)(?: \\| (.+))?$",
    "s",
  );
  const SUM = /^(?:Week [0-9]+|After the weeks): (?:[0-9]+ of [0-9]+ right|[0-9]+ of [0-9]+ recalled)\..*$/s;
  const NUMBER = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?$/i;

  const bare = (text) => text.replace(/^[ \t]+|[ \t]+$/g, "");

  const line = (name, p) =>
    `- [${p.right ? "x" : " "}] ${name} (week ${p.week}, ${p.kind}${p.sure ? `, ${p.sure}` : ""}, ` +
    `${p.at.slice(0, 10)}): said ${p.said} | was ${p.was}${p.unit ? ` | ${p.unit}` : ""}`;

  /* A line -> [name, answer], or null */
  const parse = (text) => {
    const found = LINE.exec(bare(text));
    if (!found) return null;
    const [, box, name, week, kind, sure, at, said, was, unit] = found;
    return [
      name,
      { kind, said, sure: sure ?? "", week: Number(week), was, unit: unit ?? "", right: box !== " ", at },
    ];
  };

  const isSum = (text) => SUM.test(bare(text));

  /* A number as it is written in an answer; NaN where it is none. */
  const number = (text) => {
    const plain = text.replaceAll(",", "");
    return NUMBER.test(plain) ? Number(plain) : NaN;
  };

  const byName = (a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);
  const share = (some) => `${some.filter(([, p]) => p.right).length} of ${some.length}`;

  /* Per cent of the right value that half of the numbers are not further from; null without numbers. */
  const typicalDistance = (predicted) => {
    const far = predicted
      .filter(([, p]) => p.kind === "number")
      .map(([, p]) => [number(p.said), number(p.was)])
      .filter(([said, was]) => was && !Number.isNaN(said))
      .map(([said, was]) => Math.abs(said - was) / Math.abs(was))
      .sort((a, b) => a - b);
    return far.length ? Math.floor(100 * far[Math.ceil(far.length / 2) - 1] + 0.5) : null;
  };

  /* answers: [name, answer] -> a few short sentences, empty where there is nothing to say */
  const summary = (answers) => {
    const predicted = answers.filter(([, p]) => p.kind !== "recall").sort(byName);
    const recalled = answers.filter(([, p]) => p.kind === "recall");
    const said = [];
    if (predicted.length) {
      said.push(`${share(predicted)} right.`);
      for (const [sure, word] of Object.entries(SURE)) {
        const ofIt = predicted.filter(([, p]) => p.sure === sure);
        if (ofIt.length) said.push(`${word}: ${share(ofIt)}.`);
      }
      const wrong = predicted.filter(([, p]) => p.sure === "certain" && !p.right);
      if (wrong.length) said.push(`Certain and wrong: ${wrong.map(([name]) => name).join(", ")}.`);
      const far = typicalDistance(predicted);
      if (far !== null) said.push(`Half of the numbers are off by ${far} % or less.`);
    }
    if (recalled.length) said.push(`${share(recalled)} recalled.`);
    return said.join(" ");
  };

  const ofWeek = (predictions, week) => Object.entries(predictions).filter(([, p]) => p.week === week).sort(byName);

  /* The part of a file that holds answers, without its title: for each week a sum, then its answers. */
  const lines = (predictions) => {
    const weeks = [...new Set(Object.values(predictions).map((p) => p.week))].sort((a, b) => a - b);
    return weeks.flatMap((week, i) => {
      const answers = ofWeek(predictions, week);
      const before = i ? [""] : [];
      const title = week ? `Week ${week}` : "After the weeks";
      return [...before, `${title}: ${summary(answers)}`, "", ...answers.map(([name, p]) => line(name, p))];
    });
  };

  const isText = (x, full = false) => typeof x === "string" && !/[\r\n]/.test(x) && (!full || x !== "");
  const isAnswer = ([name, p]) =>
    isText(name, true) && p !== null && typeof p === "object" && KINDS.includes(p.kind) &&
    isText(p.said, true) && isText(p.was, true) && isText(p.unit) && isText(p.at) &&
    !Number.isNaN(Date.parse(p.at)) && (p.sure === "" || Object.hasOwn(SURE, p.sure)) &&
    Number.isInteger(p.week) && p.week >= 0 && typeof p.right === "boolean";

  /* What stands in a file, looked at; throws where something is no answer. */
  const checked = (raw) => {
    const answers = raw !== null && typeof raw === "object" && !Array.isArray(raw) ? Object.entries(raw) : null;
    const wrong = answers ? answers.find((answer) => !isAnswer(answer)) : ["all of them"];
    if (wrong) throw new Error(`a prediction makes no sense: ${String(wrong[0]).slice(0, 40)}`);
    return Object.fromEntries(
      answers.map(([name, { kind, said, sure, week, was, unit, right, at }]) => [
        name,
        { kind, said, sure, week, was, unit, right, at },
      ]),
    );
  };

  const predictions = { TITLE, line, parse, isSum, summary, ofWeek, lines, checked, number };
  if (typeof module === "object") module.exports = predictions;
  else window.coursePredictions = predictions;
})();
