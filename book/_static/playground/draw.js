/* Patterns as pictures, one pixel for each pair of tokens; the page enlarges them. Probabilities are
   opaque ink on whatever the theme's page is, so one picture fits light and dark. */
(() => {
  "use strict";
  const Playground = (window.Playground = window.Playground || {});

  const read = (name) => {
    const color = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    return color.split(/[\s,]+/).map(Number);
  };

  /* The numbers of a colour of the theme. Read once for each theme: a browser that is asked for a style
     in between lays out what has changed. */
  let inks = {};
  let inksOf = null;
  const ink = (name) => {
    const { theme } = document.documentElement.dataset;
    if (theme !== inksOf) [inks, inksOf] = [{}, theme];
    return (inks[name] = inks[name] || read(name));
  };

  /* pattern [n, n], values from -1 to 1; a row for each query, from the top. */
  Playground.drawPattern = (canvas, pattern, n) => {
    const [more, less] = [ink("--pg-more"), ink("--pg-less")];
    canvas.width = canvas.height = n;
    const picture = new ImageData(n, n);
    for (let i = 0; i < n * n; i++) {
      const [r, g, b] = pattern[i] < 0 ? less : more;
      picture.data[4 * i] = r;
      picture.data[4 * i + 1] = g;
      picture.data[4 * i + 2] = b;
      picture.data[4 * i + 3] = 255 * Math.min(1, Math.abs(pattern[i]));
    }
    canvas.getContext("2d").putImageData(picture, 0, 0);
  };

  /* A tint behind text: at most so strong that the text stays readable, on light and on dark. */
  Playground.tint = (value) => {
    const name = value < 0 ? "--pg-less" : "--pg-more";
    const opacity = Math.min(1, Math.abs(value)) * ink("--pg-tint")[0];
    return `rgba(${ink(name).join(" ")} / ${opacity.toFixed(3)})`;
  };
})();
