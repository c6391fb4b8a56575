/* Long work in pieces, so that the page is drawn and answers in between.

   Work is a generator that yields wherever it can be interrupted, and returns its value. */
(() => {
  "use strict";
  const Playground = (window.Playground = window.Playground || {});
  const SLICE = 8; // milliseconds; a slow phone's processor makes some 30 of them

  /* All of it at once. -> its value */
  Playground.atOnce = (work) => {
    for (;;) {
      const { done, value } = work.next();
      if (done) return value;
    }
  };

  /* A task of its own for what follows. Quicker than setTimeout, which waits for 4 ms at least. */
  const pause = () =>
    new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    });

  /* A piece at a time. -> a promise of its value */
  Playground.inSlices = async (work) => {
    for (;;) {
      const begun = performance.now();
      while (performance.now() - begun < SLICE) {
        const { done, value } = work.next();
        if (done) return value;
      }
      await pause();
    }
  };
})();
