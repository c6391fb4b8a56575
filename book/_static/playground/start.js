/* Starts the playground, or says in a sentence why it cannot. In old JavaScript, so that an old browser
   can read this file where it could not read the others. */
(function () {
  "use strict";
  var root = document.getElementById("pg-root");
  if (!root) return;
  var here = document.currentScript && document.currentScript.src;

  function say(text) {
    root.innerHTML = "";
    var line = document.createElement("p");
    line.className = "pg-problem";
    line.setAttribute("role", "alert");
    line.appendChild(document.createTextNode(text));
    root.appendChild(line);
    root.setAttribute("data-state", "failed");
  }

  var OLD =
    "This browser cannot run the playground. It needs one from 2021 or later: Chrome 91, Firefox 90, " +
    "Safari 15, or newer.";
  var UNFINISHED =
    "The model did not arrive: the download of 2.3 MB was interrupted. Load this page again.";
  var opened = null; // what openPage gave
  var opening = null; // a promise, while it is at it

  /* What went wrong takes the place of the page, where there is none yet; else of the line that says
     whose numbers it shows. */
  function fail(text) {
    if (!opened) return say(text);
    opened.fail(text);
    root.setAttribute("data-state", "failed");
  }

  function supported() {
    try {
      new RegExp("\\p{L}", "u");
      return Boolean(
        window.Playground &&
          window.Playground.openPage &&
          window.TextEncoder &&
          window.fetch &&
          window.URLSearchParams &&
          DataView.prototype.getBigUint64 &&
          [].at
      );
    } catch (error) {
      return false;
    }
  }

  /* Does some work, which may give a promise, and says it where that fails. */
  function trying(work) {
    return new Promise(function (resolve) {
      resolve(work());
    }).catch(function (error) {
      if (window.console) console.error(error);
      fail("The playground could not start (" + error.message + "). Load this page again.");
    });
  }

  function usable() {
    root.setAttribute("data-usable", "yes");
  }

  function open(file, isRounded) {
    var also = { isRounded: isRounded, usable: usable };
    return window.Playground.openPage(root, file, also).then(function (page) {
      opened = page;
    });
  }

  /* The small file: the page can be used, and says that its numbers are rounded. If it does not come,
     the whole one does without it. */
  function openRounded() {
    if (!window.POCKET_8BIT) return fetchWhole();
    opening = trying(function () {
      return open(window.POCKET_8BIT, true);
    });
    fetchWhole();
  }

  function openWhole() {
    Promise.resolve(opening).then(function () {
      if (!window.POCKET) return fail(UNFINISHED);
      trying(function () {
        return (opened ? opened.exact(window.POCKET) : open(window.POCKET, false)).then(ready);
      });
    });
  }

  function ready() {
    root.setAttribute("data-state", "ready");
  }

  function address(name) {
    return here.replace(/start\.js(\?.*)?$/, name);
  }

  function load(name, then) {
    var script = document.createElement("script");
    script.onload = script.onerror = then;
    script.src = address(name);
    document.head.appendChild(script);
  }

  /* As data where the page comes from a host: a script of this size holds the page up while it is read.
     A page that was opened from the disk may load scripts only. */
  function fetchWhole() {
    if (location.protocol === "file:") return load("pocket.js", openWhole);
    fetch(address("pocket.js"))
      .then(function (answer) {
        return answer.text();
      })
      .then(function (text) {
        window.POCKET = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
      })
      .catch(function () {}) // openWhole says it
      .then(openWhole);
  }

  if (!supported()) return say(OLD);
  load("pocket-8bit.js", openRounded);
})();
