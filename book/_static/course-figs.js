/* Draws the figures of a page from the data stored in it, each when it comes near the screen.

   A figure is <div class="course-fig course-plotly|course-circuitsvis"><script type="application/json">.
   It has its height before it is drawn, so that nothing on the page jumps. */
(() => {
  "use strict";

  const theme = () => {
    const style = getComputedStyle(document.body);
    const color = (name) => style.getPropertyValue(name).trim();
    return { text: color("--pst-color-text-base"), surface: color("--pst-color-surface") };
  };

  // What of a layout depends on the theme. Grids are half transparent and fit both.
  const themed = () => {
    const { text, surface } = theme();
    return {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      "font.color": text,
      "hoverlabel.bgcolor": surface,
      "hoverlabel.font.color": text,
      "hoverlabel.bordercolor": text,
    };
  };

  const setPath = (object, path, value) => {
    const keys = path.split(".");
    const last = keys.pop();
    keys.reduce((o, k) => (o[k] = o[k] || {}), object)[last] = value;
  };

  // Columns of a heatmap and plots side by side become too narrow to read: such a plot scrolls sideways.
  const narrowest = (data, layout) => {
    const columns = data
      .filter((trace) => trace.type === "heatmap" && trace.texttemplate)
      .map((trace) => (trace.text && trace.text[0] ? trace.text[0].length : 0));
    const side = Object.keys(layout).filter((key) => key.startsWith("xaxis")).length;
    return Math.max(110 + 33 * Math.max(0, ...columns), side > 1 ? 110 + 150 * side : 0);
  };

  // A title that is wider than a phone goes on in a second line.
  const wrapTitle = (title, width) => {
    if (!title || !title.text || width >= 500 || title.text.includes("<")) return title;
    const lines = [""];
    for (const word of title.text.split(" ")) {
      const longer = `${lines.at(-1)} ${word}`.trim();
      if (lines.at(-1) && longer.length > width / 8.2) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    return { ...title, text: lines.join("<br>"), font: { ...title.font, size: 14 } };
  };

  const drawPlotly = (box, { data, layout, config }) => {
    const full = { ...layout, autosize: true };
    delete full.width;
    Object.entries(themed()).forEach(([path, value]) => setPath(full, path, value));
    if (matchMedia("(pointer: coarse)").matches) full.dragmode = false; // a finger scrolls the page
    box.style.minWidth = `min(${narrowest(data, full)}px, 60rem)`;
    full.title = wrapTitle(full.title, box.parentElement.clientWidth);
    // The titles of plots side by side: Plotly's 16 pixels run into one another on a phone.
    if (box.parentElement.clientWidth < 500)
      full.annotations = full.annotations?.map((a) => ({ ...a, font: { ...a.font, size: 11 } }));
    // Words below bars are set at a slant on a phone: they get room, and the axis title moves down.
    if (full.xaxis?.type === "category") full.xaxis = { ...full.xaxis, automargin: true };
    return Plotly.newPlot(box, data, full, {
      responsive: true,
      displayModeBar: false,
      ...config,
    });
  };

  const drawCircuitsVis = (box, { component, props }) => {
    if (!CircuitsVis[component]) throw new Error(`CircuitsVis has no ${component}`);
    CircuitsVis.render(box.id, CircuitsVis[component], props);
    new MutationObserver(() => nameCanvases(box)).observe(box, { childList: true, subtree: true });
  };

  // CircuitsVis draws each pattern into a canvas without a name; a screen reader reads this one.
  const nameCanvases = (box) =>
    box.querySelectorAll("canvas:not([aria-label])").forEach((canvas) => {
      let block = canvas.parentElement;
      while (block !== box && !block.querySelector("h4")) block = block.parentElement;
      const head = block.querySelector("h4")?.textContent;
      canvas.setAttribute("aria-label", head ? `attention pattern of head ${head}` : "attention pattern");
    });

  const fail = (figure, error) => {
    const note = document.createElement("p");
    note.className = "course-fig-failed";
    note.textContent = `This figure could not be drawn (${error.message || error}).`;
    figure.replaceChildren(note);
    figure.dataset.state = "failed";
    console.error(error);
  };

  const draw = async (figure, index) => {
    try {
      const content = JSON.parse(figure.querySelector("script").textContent);
      const box = document.createElement("div");
      box.id = `course-fig-${index}`;
      box.className = "course-fig-drawing";
      box.style.minHeight = figure.style.minHeight;
      figure.append(box);
      const plotly = figure.classList.contains("course-plotly");
      await (plotly ? drawPlotly : drawCircuitsVis)(box, content);
      figure.dataset.state = "drawn";
    } catch (error) {
      fail(figure, error);
    }
  };

  const recolor = () =>
    document
      .querySelectorAll(".course-plotly[data-state=drawn] > .course-fig-drawing")
      .forEach((box) => Plotly.relayout(box, themed()));

  const start = () => {
    const figures = [...document.querySelectorAll(".course-fig")];
    if (document.body.classList.contains("course-print")) {
      figures.forEach(draw); // paper does not scroll
      return;
    }
    const near = new IntersectionObserver(
      (entries) =>
        entries
          .filter((entry) => entry.isIntersecting)
          .forEach(({ target }) => {
            near.unobserve(target);
            draw(target, figures.indexOf(target));
          }),
      { rootMargin: "400px" },
    );
    figures.forEach((figure) => near.observe(figure));
    new MutationObserver(recolor).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-theme"],
    });
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
