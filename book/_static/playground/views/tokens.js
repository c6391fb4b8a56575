/* The prompt's tokens, of which one is chosen: what is read is the prediction after it. */
(() => {
  "use strict";
  const P = window.Playground;
  const h = window.courseElement;

  P.views.tokens = (page) => {
    const box = h("div");
    const render = () => {
      const { n, position } = page.result;
      // The last token is the default, and stands in no address.
      const choose = (i) => page.update({ at: i === n - 1 ? null : i });
      const pressed = (i) => ({ "aria-pressed": String(i === position) });
      P.controls.tokenButtons(page, box, "Tokens of the prompt", position, choose, pressed);
    };
    return { box, render };
  };
})();
