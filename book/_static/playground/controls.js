/* Parts of which the views are built: buttons, fields, rows of tokens, tables. */
(() => {
  "use strict";
  const P = (window.Playground = window.Playground || {});
  const h = window.courseElement;
  P.views = {};
  const FEW = 30; // tokens for which a strip is high enough on any screen

  const button = (label, onclick, attributes = {}) =>
    h("button", { type: "button", onclick, ...attributes }, label);

  const option = (value, text) => h("option", { value }, text);

  /* A control under its label, and what belongs to it. */
  const field = (label, control, ...more) => {
    const id = `pg-${label.replace(/\W+/g, "-").toLowerCase()}`;
    control.id = id;
    return h("div", { class: "pg-field" }, h("label", { for: id }, label), control, ...more);
  };

  /* Sets a text, unless it is being typed. */
  const fill = (input, value) => {
    if (document.activeElement !== input && input.value !== value) input.value = value;
  };

  /* Gives a select other options, [value, label]; keeps what was chosen where it is still there. */
  const choices = (select, list) => {
    const old = select.value;
    select.replaceChildren(...list.map(([value, label]) => option(value, label)));
    if (list.some(([value]) => String(value) === old)) select.value = old;
  };

  /* One of several; `refresh` ticks what `get` says. labels: {value: label} */
  const radios = (name, legend, labels, get, set) => {
    const inputs = Object.entries(labels).map(([value, label]) => {
      const input = h("input", { type: "radio", name, value, onchange: () => set(value) });
      return [input, h("label", {}, input, ` ${label}`)];
    });
    const box = h("fieldset", { class: "pg-radios" }, h("legend", {}, legend), inputs.map(([, l]) => l));
    const refresh = () => inputs.forEach(([input]) => (input.checked = input.value === get()));
    return { box, refresh };
  };

  /* Arrow keys move within a row of buttons, of which one is reached by Tab. */
  const row = (label, buttons, current, className) => {
    const list = [...buttons];
    list.forEach((b, i) => b.setAttribute("tabindex", i === current ? "0" : "-1"));
    const onkeydown = (event) => {
      const at = list.indexOf(document.activeElement);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: list.length - 1 }[event.key];
      if (at < 0 || to === undefined || !list[to]) return;
      event.preventDefault();
      list[to].focus();
    };
    return h("div", { role: "group", "aria-label": label, class: className, onkeydown }, list);
  };

  /* A row of token buttons in `place`; keeps the keyboard's place when it is made anew.
     extra: position -> further attributes of a button */
  const tokenButtons = ({ model, result }, place, label, current, onclick, extra = () => ({})) => {
    const had = place.contains(document.activeElement);
    const buttons = result.tokens.map((id, i) => {
      const text = model.textOf(id);
      return button(P.format.visible(text), () => onclick(i), {
        class: "pg-token", "data-at": i, "aria-label": `${text}, position ${i}`, ...extra(i),
      }); // prettier-ignore
    });
    const strip = row(label, buttons, current, "pg-strip");
    place.replaceChildren(strip);
    if (result.n > FEW) strip.scrollTop = buttons[current].offsetTop - strip.clientHeight / 2; // it may scroll
    if (had) buttons[current].focus({ preventScroll: true });
  };

  const isCell = (cell) => cell instanceof Node && cell.tagName === "TD";

  /* heading: texts, empty for a corner; rows: the row's heading, then texts or cells */
  const table = (heading, rows, caption) =>
    h("table", { class: "pg-table" },
      h("caption", { class: "pg-hidden" }, caption),
      h("thead", {}, h("tr", {}, heading.map((cell) => (cell ? h("th", { scope: "col" }, cell) : h("td", {}))))),
      h("tbody", {}, rows.map(([first, ...rest]) =>
        h("tr", {}, h("th", { scope: "row" }, first), rest.map((cell) => (isCell(cell) ? cell : h("td", {}, cell))))))); // prettier-ignore

  /* A cell with a tint behind its text, the stronger the nearer the value is to `most`. */
  const tinted = (value, text, most = 1) =>
    h("td", { style: Number.isNaN(value) ? null : `background-color: ${P.tint(value / most)}` }, text);

  /* A place for a table that is wider than a phone: it scrolls, with the keyboard too. */
  const scrolling = (label) => h("div", { class: "pg-scroll", tabindex: "0", role: "region", "aria-label": label });

  P.controls = { button, choices, field, fill, option, radios, row, scrolling, table, tinted, tokenButtons };
})();
