/* At the end of a week's first page: what became of its predictions, from what this browser keeps. */
(() => {
  "use strict";
  const { load } = window.courseProgress;
  const { ofWeek, summary } = window.coursePredictions;
  const box = document.querySelector(".course-predict-week");
  const paint = () => {
    const answers = ofWeek(load().predictions ?? {}, Number(box.dataset.week));
    const said = summary(answers);
    if (said) box.querySelector("output").textContent = said;
  };
  addEventListener("storage", paint);
  paint();
})();
