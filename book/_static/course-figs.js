/* Draws the figures of a page from the data stored in it, each when it comes near the screen. Only then
   is the library run that draws it (lazy.js).

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

  const isDark = () => document.documentElement.dataset.theme === "dark";

  // Red, green and blue from 0 to 255; undefined for a name.
  const channels = (color) => {
    const hex = /^#(..)(..)(..)$/.exec(color);
    const rgb = /^rgba?\(([\d.]+),\s*([\d.]+),\s*([\d.]+)/.exec(color);
    return (hex || rgb)?.slice(1, 4).map((v) => (hex ? parseInt(v, 16) : +v));
  };

  /* A colour for a dark page: light inverted, hue kept. The style sheet does the same to the patterns
     that CircuitsVis draws: filter: invert(0.93) hue-rotate(180deg). */
  const darkened = (color) => {
    const [r, g, b] = channels(color)?.map((v) => 0.93 * 255 - 0.86 * v) || [];
    if (r === undefined) return color;
    const turned = [
      -0.574 * r + 1.43 * g + 0.144 * b,
      0.426 * r + 0.43 * g + 0.144 * b,
      0.426 * r + 1.43 * g - 0.856 * b,
    ];
    return `rgb(${turned.map((v) => Math.round(Math.min(255, Math.max(0, v)))).join(",")})`;
  };

  const scaled = (part) =>
    isDark() && Array.isArray(part?.colorscale)
      ? { ...part, colorscale: part.colorscale.map(([at, color]) => [at, darkened(color)]) }
      : part;

  /* Bars are pale where something stands on them, so that it can be read on either page. */
  const onBars = (trace) => {
    const { error_x: x, error_y: y, text } = trace;
    if (trace.type !== "bar" || !(x || y || text)) return trace;
    const ink = theme().text;
    const inked = (bars) => bars && { ...bars, color: ink };
    return {
      ...trace, marker: { ...trace.marker, opacity: 0.5 }, error_x: inked(x), error_y: inked(y),
      textfont: { ...trace.textfont, color: ink },
    }; // prettier-ignore
  };

  /* Points let one another be seen through on paper; on a dark page that makes them dim. */
  const onDark = (marker) => (isDark() && marker.opacity < 0.9 ? { ...marker, opacity: 0.9 } : marker);

  const themedTraces = (data) =>
    data.map((trace) => onBars(scaled(trace.marker ? { ...trace, marker: scaled(onDark(trace.marker)) } : trace)));

  const themedScales = (layout) =>
    Object.fromEntries(
      Object.entries(layout).map(([key, part]) => [key, /^coloraxis/.test(key) ? scaled(part) : part]),
    );

  const setPath = (object, path, value) => {
    const keys = path.split(".");
    const last = keys.pop();
    keys.reduce((o, k) => (o[k] = o[k] || {}), object)[last] = value;
  };

  /* Columns of a heatmap and plots side by side become too narrow to read: such a plot scrolls sideways.
     A column has room for the longest word in a cell, on a wide screen for most, or for three pixels. */
  const pixelsOf = ({ texttemplate, text, z }, room) => {
    const columns = z.shape ? +`${z.shape}`.split(",").at(-1) : z[0]?.length;
    if (!texttemplate) return 3 * columns;
    const words = Array.isArray(text) && room < 500 ? text.flat() : [];
    const widest = Math.max(0, ...words.map((word) => `${word}`.length));
    return columns * Math.min(70, Math.max(33, 8 + 6 * widest));
  };

  const narrowest = (data, layout, room) => {
    const maps = data.filter((trace) => trace.type === "heatmap").map((trace) => pixelsOf(trace, room));
    const side = Object.keys(layout).filter((key) => key.startsWith("xaxis")).length;
    return Math.max(170 + Math.max(0, ...maps), side > 1 ? 110 + 150 * side : 0);
  };

  // What is dark on paper is bright on a dark page, also in words.
  const told = (text) => (isDark() ? text.replace(/\bDark(?= (cells|heads)\b)/, "Bright") : text);

  const TITLE = 14; // pixels, on a phone
  const pen = document.createElement("canvas").getContext("2d");

  // A title that is wider than a phone goes on in a second line.
  const wrapTitle = (title, width, family) => {
    if (!title || !title.text || width >= 500 || title.text.includes("<")) return title;
    pen.font = `bold ${TITLE}px ${family || "sans-serif"}`;
    const lines = [""];
    for (const word of title.text.split(" ")) {
      const longer = `${lines.at(-1)} ${word}`.trim();
      if (lines.at(-1) && pen.measureText(longer).width > width - TITLE) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    return { ...title, text: lines.join("<br>"), font: { ...title.font, size: TITLE } };
  };

  // The title along an axis, or a colour bar, that is too short for it goes on in a second line.
  const wrapAxisTitle = (axis, room) => {
    const text = axis.title?.text;
    if (!text || text.includes("<") || text.length * 7.2 <= room) return axis;
    const spaces = [...text.matchAll(/ /g)].map((match) => match.index);
    if (!spaces.length) return axis;
    const off = (at) => Math.abs(at - text.length / 2);
    const at = spaces.reduce((best, next) => (off(next) < off(best) ? next : best));
    const lines = `${text.slice(0, at)}<br>${text.slice(at + 1)}`;
    return { ...axis, title: { ...axis.title, text: lines }, automargin: true };
  };

  const wrapBarTitle = (trace, room) => {
    const title = trace.colorbar && wrapAxisTitle(trace.colorbar, room).title;
    return title ? { ...trace, colorbar: { ...trace.colorbar, title } } : trace;
  };

  /* Long words set upright below the bars leave less room than was thought. */
  const fitAxisTitle = (box) => {
    const { title, _length } = box._fullLayout.yaxis || {};
    const { text } = wrapAxisTitle({ title }, _length).title || {};
    if (text && text !== title.text) return Plotly.relayout(box, { "yaxis.title.text": text, "yaxis.automargin": true });
  };

  /* Words in a cell are black or white, whichever is further from its colour: a contrast of at least 4.5.
     Plotly takes grey, and judges by brightness, which fails on blue. */
  const inkCells = (box) => {
    const map = box._fullData.find((trace) => trace.type === "heatmap");
    box.querySelectorAll(".heatmap-label text").forEach((label) => {
      const at = (label.parentElement.__data__.z - map.zmin) / (map.zmax - map.zmin);
      const above = Math.max(1, map.colorscale.findIndex(([stop]) => stop >= Math.min(at, 1)));
      const [[from, low], [to, high]] = map.colorscale.slice(above - 1, above + 1);
      const share = Math.min(1, Math.max(0, (at - from) / (to - from)));
      const [one, other] = [low, high].map(channels);
      const linear = one.map((v, i) => (((1 - share) * v + share * other[i]) / 255) ** 2.2);
      const luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
      label.style.fill = luminance > 0.179 ? "#000" : "#fff";
    });
  };

  // Named columns: those without a name get no tick, and slanted names move the title down.
  const nameColumns = (axis) => {
    if (!axis.ticktext) return axis;
    const named = axis.ticktext.map(Boolean);
    const [tickvals, ticktext] = [axis.tickvals, axis.ticktext].map((all) => all.filter((_, i) => named[i]));
    return { ...axis, tickvals, ticktext, automargin: true };
  };

  // Two marks side by side: the left one's words end at its line, the right one's begin there.
  const partMarks = (box) => {
    const marks = box.layout.annotations || [];
    const [from, to] = box._fullLayout.xaxis?.range || [];
    // a mark stands at a value of x, on top of the plot; titles of plots side by side do not
    if (marks.length !== 2 || marks.some((mark) => mark.xref === "paper" || mark.yref !== "paper")) return;
    const [left, right] = [...marks].sort((one, other) => one.x - other.x);
    if (!(right.x - left.x < (to - from) / 6)) return;
    const parted = [{ ...left, xanchor: "right" }, { ...right, xanchor: "left" }];
    return Plotly.relayout(box, { annotations: parted });
  };

  const drawPlotly = (box, { data, layout, config }) => {
    const full = { ...themedScales(layout), autosize: true };
    delete full.width;
    Object.entries(themed()).forEach(([path, value]) => setPath(full, path, value));
    if (matchMedia("(pointer: coarse)").matches) full.dragmode = false; // a finger scrolls the page
    const figure = box.parentElement;
    const width = narrowest(data, full, figure.clientWidth);
    box.style.minWidth = `min(${width}px, 60rem)`;
    const scrolls = width > figure.clientWidth;
    figure.classList.toggle("course-scrolls", scrolls);
    figure.tabIndex = scrolls ? 0 : -1; // so that keys scroll it
    if (full.title?.text) full.title = { ...full.title, text: told(full.title.text) };
    full.title = wrapTitle(full.title, figure.clientWidth, full.font?.family);
    // The titles of plots side by side: Plotly's 16 pixels run into one another on a phone.
    if (figure.clientWidth < 500)
      full.annotations = full.annotations?.map((a) => ({ ...a, font: { ...a.font, size: 11 } }));
    // Words below bars are set at a slant on a phone: they get room, and the axis title moves down.
    const slanted = full.xaxis?.type === "category";
    if (slanted) full.xaxis = { ...full.xaxis, automargin: true };
    if (full.xaxis) full.xaxis = nameColumns(full.xaxis);
    const room = (full.height || 380) - (slanted ? 170 : 110);
    if (full.yaxis) full.yaxis = wrapAxisTitle(full.yaxis, room);
    if (full.xaxis) full.xaxis = wrapAxisTitle(full.xaxis, Math.max(width, figure.clientWidth) - 80);
    // Plotly's own error bars are too dark for the dark theme; this grey is seen on both.
    const traces = data
      .map((t) => (t.error_y ? { ...t, error_y: { color: "#8a8a8a", ...t.error_y } } : t))
      .map((t) => wrapBarTitle(t, (full.height || 380) - 60));
    return Plotly.react(box, themedTraces(traces), full, {
      responsive: true,
      displayModeBar: false,
      ...config,
    }).then(() => {
      inkCells(box);
      if (!box.dataset.inked) box.on("plotly_afterplot", () => inkCells(box)); // and when it is resized
      box.dataset.inked = "yes";
      return fitAxisTitle(box);
    }).then(() => partMarks(box));
  };

  const CALM = 300; // milliseconds without a change of height

  /* CircuitsVis moves its parts, and is taller for a moment, until all are there: it is shown in the room
     that was kept for it once its height stays. */
  const settleUnseen = (box) => {
    const figure = box.parentElement;
    figure.style.height = `${figure.offsetHeight}px`;
    box.style.visibility = "hidden";
    let waiting = 0;
    const observer = new ResizeObserver(() => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        observer.disconnect();
        figure.style.height = "";
        box.style.visibility = "";
      }, CALM);
    });
    observer.observe(box);
  };

  const drawCircuitsVis = (box, { component, props }) => {
    if (!CircuitsVis[component]) throw new Error(`CircuitsVis has no ${component}`);
    settleUnseen(box);
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

  const LIBRARIES = { "course-plotly": "plotly-cartesian", "course-circuitsvis": "circuitsvis" };
  const libraryOf = (figure) => LIBRARIES[[...figure.classList].find((name) => LIBRARIES[name])];

  const contentOf = (figure) => JSON.parse(figure.querySelector("script").textContent);

  const draw = async (figure, index) => {
    try {
      await courseLibrary(libraryOf(figure));
      const content = contentOf(figure);
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
      .forEach((box) => drawPlotly(box, contentOf(box.parentElement)));

  /* One after another, and the browser may answer the reader in between. */
  let last = Promise.resolve();
  const inTurn = (figure, index) => {
    last = last.then(() => draw(figure, index)).then(courseLibrary.pause);
  };

  /* Calls `each` once for every figure that comes as near as `margin`. */
  const whenNear = (figures, margin, each) => {
    const observer = new IntersectionObserver(
      (entries) =>
        entries
          .filter((entry) => entry.isIntersecting)
          .forEach(({ target }) => {
            observer.unobserve(target);
            each(target);
          }),
      { rootMargin: margin },
    );
    figures.forEach((figure) => observer.observe(figure));
  };

  const start = () => {
    const figures = [...document.querySelectorAll(".course-fig")];
    if (document.body.classList.contains("course-print")) {
      figures.forEach(inTurn); // paper does not scroll
      return;
    }
    whenNear(figures, "400px", (figure) => inTurn(figure, figures.indexOf(figure)));
    // What the page itself needs comes first.
    const ahead = () =>
      whenNear(figures, "3000px", (figure) => courseLibrary.ahead(libraryOf(figure)));
    if (document.readyState === "complete") ahead();
    else window.addEventListener("load", ahead);
    new MutationObserver(recolor).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-theme"],
    });
  };

  start(); // deferred: the page has been read
})();
