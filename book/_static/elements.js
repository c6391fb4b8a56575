/* One way to make an element, for every script of the course that makes many:

   courseElement("button", { class: "x", onclick: f, hidden: false }, "text", child, [children])

   A name that begins with "on" is a listener; true stands for an attribute without a value; false, null
   and undefined leave it out. Text only ever becomes text: nothing is parsed as HTML. */
(() => {
  "use strict";

  const set = (made, name, value) => {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  };

  window.courseElement = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) set(made, name, value);
    made.append(...children.flat().filter((child) => child != null));
    return made;
  };
})();
