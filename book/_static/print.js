/* The bar above a week's pages: prints them once every figure is drawn. */
(() => {
  "use strict";
  const [button, status] = ["button", "[role=status]"].map((part) =>
    document.querySelector(`.course-print-bar ${part}`),
  );
  const waiting = () => document.querySelectorAll(".course-fig:not([data-state])").length;
  const tell = () => {
    const left = waiting();
    button.disabled = left > 0;
    status.textContent = left ? `${left} figures are still being drawn` : "";
  };
  button.addEventListener("click", () => print());
  new MutationObserver(tell).observe(document.querySelector("main"), {
    subtree: true,
    attributeFilter: ["data-state"],
  });
  tell();
})();
