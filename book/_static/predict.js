/* Predict, then see. A box asks; what follows it is veiled until one answers or says "show me". Loaded
   before the page's body, and small: each box and each veil calls it as soon as it is there (`box`, `veil`), so
   that nothing moves once it is seen. Answers are kept in this browser, under learner.js' key, and never sent.

   Never veiled: what a link leads into (but for the one by which a reader goes on), pages opened by the search, paper, a browser without scripts, and
   everything for who says so. Where nothing can be kept, it works for this visit. */
(() => {
  "use strict";
  const KEY = "mi-course-progress";
  const EVERYTHING = "mi-course-show-everything";
  const SURE = { guess: "a guess", fairly: "fairly sure", certain: "certain" };
  const visit = { predictions: {}, shown: {}, everything: null }; // what this page was told, kept or not

  const item = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // storage is off
    }
  };
  const stored = (() => {
    try {
      const found = JSON.parse(item(KEY));
      return found?.format === KEY ? found : {};
    } catch {
      return {}; // damaged: learner.js sets it aside
    }
  })();
  const searched = Boolean(
    new URLSearchParams(location.search).get("highlight") || item("sphinx_highlight_terms"),
  );
  /* Whether one came by learner.js' link to where one left off: what is not answered there stays veiled. */
  const continues = (() => {
    try {
      const found = sessionStorage.getItem("mi-course-continues");
      sessionStorage.removeItem("mi-course-continues");
      return found === "yes";
    } catch {
      return false;
    }
  })();
  const answerTo = (name) => visit.predictions[name] ?? stored.predictions?.[name];
  const isShown = (name) => Boolean(visit.shown[name] ?? stored.shown?.[name]);
  const showsEverything = () => visit.everything ?? item(EVERYTHING) === "yes";
  const target = () => {
    try {
      return decodeURIComponent(location.hash.slice(1));
    } catch {
      return "";
    }
  };

  /* Remembers, with what others kept since; true where the browser took it. */
  const keep = (part, name, value) => {
    visit[part][name] = value;
    const { load, save } = window.courseProgress ?? {};
    if (!load) return false;
    const state = load();
    return save({ ...state, [part]: { ...state[part], [name]: value } });
  };

  // --- what is right ----------------------------------------------------------------------------

  const dataOf = (box) => JSON.parse(box.dataset.question);
  const round = (x) => Number(x.toPrecision(3));
  const numberOf = (text) => {
    let plain = text.trim().replace(/\s/g, "").replace("−", "-");
    if (/^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$/.test(plain)) plain = plain.replaceAll(",", "");
    else if (/^[^,.]*,[^,.]*$/.test(plain)) plain = plain.replace(",", ".");
    return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : NaN;
  };
  const indices = (said, { options }) => said.split("; ").map((text) => options.indexOf(text) + 1);

  /* said: text -> {right, far}: whether it is right on this page, and how far off in words */
  const judged = (said, question) => {
    if (question.kind === "number") {
      const off = Number(said) - question.value;
      const steps = question.unit === "%" ? "percentage points" : question.unit;
      const unit = steps ? ` ${steps}` : "";
      const far = off ? `${round(Math.abs(off))}${unit} too ${off > 0 ? "high" : "low"}` : "";
      return { right: Math.abs(off) <= question.within, far };
    }
    const order = indices(said, question);
    const right = order.length === question.right.length && order.every((n, i) => n === question.right[i]);
    if (question.kind !== "order" || right || order.includes(0)) return { right, far: "" };
    const place = (n) => question.right.indexOf(n);
    const pairs = order.flatMap((a, i) => order.slice(i + 1).map((b) => place(a) > place(b)));
    return { right, far: `${pairs.filter(Boolean).length} of ${pairs.length} pairs stand the wrong way round` };
  };

  const quoted = (text, question) =>
    question.kind === "number" ? `${text}${question.unit ? ` ${question.unit}` : ""}` : `“${text.replace(/\.$/, "")}”`;

  /* An answer beside the result -> [whether it is right or null, the words] */
  const words = (answer, question) => {
    const was = quoted(question.text, question);
    if (!answer) return [null, `You asked to see it. It is ${was}.`];
    const { right, far } = judged(answer.said, question);
    const sure = SURE[answer.sure] ? ` (${SURE[answer.sure]})` : "";
    const result = `It is ${was}${far ? `: ${far}` : ""}.`;
    return [right, `You said ${quoted(answer.said, question)}${sure}. ${result}`];
  };

  // --- showing ------------------------------------------------------------------------------------

  const write = (line, answer, question) => {
    const [right, said] = words(answer, question);
    const mark = right === null ? "" : right ? "Right. " : "Not right. ";
    line.textContent = mark + said;
    line.classList.toggle("course-right", right === true);
    line.classList.toggle("course-wrong", right === false);
  };

  /* Beside a result far below its box */
  const tell = (line) => {
    const box = document.querySelector(`.course-predict[data-predict="${CSS.escape(line.dataset.told)}"]`);
    const answer = answerTo(line.dataset.told);
    if (box?.dataset.question && answer) write(line, answer, dataOf(box));
  };

  const paint = (box) => {
    const name = box.dataset.predict;
    const question = dataOf(box);
    const answer = answerTo(name);
    const done = Boolean(answer) || isShown(name);
    box.classList.toggle("course-answered", done);
    box.querySelectorAll("[role=switch]").forEach((one) => { one.checked = showsEverything(); });
    if (!done) return;
    const line = box.querySelector(".course-said-so");
    if ("later" in box.dataset) {
      const sure = SURE[answer.sure] ? ` (${SURE[answer.sure]})` : "";
      line.textContent = `You said ${quoted(answer.said, question)}${sure}. What it is stands below, at the result.`;
    } else write(line, answer, question);
    const after = box.querySelector("details");
    if (after && !("later" in box.dataset)) after.open = true;
  };

  const isOpen = (veil) => {
    const name = veil.dataset.for;
    const led = !continues && target() && veil.dataset.in.split(" ").includes(target());
    return showsEverything() || searched || led || Boolean(answerTo(name)) || isShown(name);
  };
  const paintVeil = (veil) => veil.classList.toggle("course-veiled", !isOpen(veil));
  const paintAll = () => {
    document.querySelectorAll(".course-predict[data-question]").forEach(paint);
    document.querySelectorAll(".course-told").forEach(tell);
    document.querySelectorAll(".course-veil").forEach((veil) => {
      // what was opened stays open, but for the switch, which may veil again
      if (veil.classList.contains("course-veiled") || visit.everything !== null) paintVeil(veil);
    });
  };

  // --- answering -----------------------------------------------------------------------------------

  const complain = (box, text, field) => {
    box.querySelector(".course-predict-wrong").textContent = text;
    field.setAttribute("aria-invalid", "true");
    field.focus();
  };
  const placed = (box) =>
    [...box.querySelectorAll("button.course-option[data-place]")].sort((a, b) => a.dataset.place - b.dataset.place);

  /* What stands in the form -> text; null where something is missing, which is said */
  const given = (box, question) => {
    box.querySelectorAll("[aria-invalid]").forEach((field) => field.removeAttribute("aria-invalid"));
    box.querySelector(".course-predict-wrong").textContent = "";
    if (question.kind === "number") {
      const field = box.querySelector("input[type=text]");
      const value = numberOf(field.value);
      if (!Number.isNaN(value)) return String(value);
      complain(box, "Write a number first, such as 0.5.", field);
    } else if (question.kind === "choice") {
      const chosen = box.querySelector("input[type=radio]:checked");
      if (chosen) return question.options[chosen.value - 1];
      complain(box, "Choose one first.", box.querySelector("input[type=radio]"));
    } else {
      const order = placed(box);
      if (order.length === question.options.length)
        return order.map((button) => question.options[button.value - 1]).join("; ");
      complain(box, "Tap every one of them first, in your order.", box.querySelector("button.course-option:not([data-place])"));
    }
    return null;
  };

  const finish = (box, kept) => {
    paintAll();
    const line = box.querySelector(".course-said-so");
    if (!kept) line.textContent += " (This browser keeps nothing for this site, so it counts until you leave the page.)";
    line.focus({ preventScroll: true });
  };
  const answer = (box, said, sure) => {
    const { kind, week, text, unit } = dataOf(box);
    const { right } = judged(said, dataOf(box));
    const value = { kind, said, sure, week, was: text, unit, right, at: new Date().toISOString() };
    finish(box, keep("predictions", box.dataset.predict, value));
  };
  /* Give a button of an order the next place, or take its place away. */
  const place = (box, button) => {
    if (button.dataset.place) delete button.dataset.place;
    else button.dataset.place = placed(box).length + 1;
    placed(box).forEach((one, i) => { one.dataset.place = i + 1; });
    for (const one of box.querySelectorAll("button.course-option")) {
      one.setAttribute("aria-pressed", Boolean(one.dataset.place));
      one.querySelector(".course-place").textContent = one.dataset.place ? `${one.dataset.place}. ` : "";
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".course-predict button[data-do]");
    if (!button) return;
    const box = button.closest(".course-predict");
    const { sure } = button.dataset;
    if (button.dataset.do === "show") finish(box, keep("shown", box.dataset.predict, new Date().toISOString()));
    else if (button.dataset.do === "place") place(box, button);
    else if (button.dataset.do === "recall") answer(box, dataOf(box).options[button.value - 1], "");
    else {
      const said = given(box, dataOf(box));
      if (said !== null) answer(box, said, sure);
    }
  });
  document.addEventListener("submit", (event) => {
    const box = event.target.closest(".course-predict");
    if (!box) return;
    event.preventDefault(); // Enter: what is missing is how sure one is
    if (given(box, dataOf(box)) !== null) box.querySelector("button[data-sure]").focus();
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches?.(".course-predict [role=switch]")) return;
    visit.everything = event.target.checked;
    try {
      localStorage.setItem(EVERYTHING, event.target.checked ? "yes" : "no");
    } catch {} // it holds until the page is left
    paintAll();
  });
  addEventListener("hashchange", () => {
    const led = document.getElementById(target());
    const veil = led?.closest(".course-veiled");
    if (!veil) return;
    veil.classList.remove("course-veiled");
    led.scrollIntoView();
  });

  document.documentElement.classList.add("course-predicts");
  window.coursePredict = { box: paint, veil: paintVeil, told: tell };
})();
