/* The search page: sections whose titles hold what was asked for, as whole words, come before pages that
   merely mention it. Sphinx's own search lists a section only where its title is little else. */
(() => {
  "use strict";
  const CERTAIN = 50; // the score of an entry of the glossary or the index that is what was asked for
  const FROM_DISK =
    "This page was opened from the disk, where a browser lets no page read another: the results have no extracts.";
  const wordsOf = (text) => text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) || [];

  const sections = (query) => {
    const { alltitles, titles, docnames, filenames } = Search._index;
    const asked = wordsOf(query);
    const has = (title) => {
      const words = wordsOf(title);
      return asked.length && asked.every((word) => words.includes(word) || words.includes(`${word}s`));
    };
    return Object.entries(alltitles)
      .filter(([title]) => has(title))
      .sort(([a], [b]) => b.length - a.length) // results are taken from the end: the shortest first
      .flatMap(([title, places]) =>
        // a solution has no place of its own on a page, and is no answer to a search
        places.filter(([, id]) => !id?.includes("/")).map(([file, id]) => {
          const name = titles[file] === title ? title : `${titles[file]} > ${title}`;
          return [docnames[file], name, id ? `#${id}` : "", null, CERTAIN - 1, filenames[file]];
        }),
      );
  };

  const perform = Search._performSearch;
  Search._performSearch = (query, ...terms) => {
    const found = sections(query);
    const place = ([doc, , anchor]) => doc + anchor;
    const places = new Set(found.map(place));
    const others = perform(query, ...terms).filter((result) => !places.has(place(result)));
    const certain = (result) => result[4] >= CERTAIN;
    return [...others.filter((r) => !certain(r)), ...found, ...others.filter(certain)];
  };

  document.addEventListener("DOMContentLoaded", () => {
    const results = document.getElementById("search-results");
    if (!results || location.protocol !== "file:") return;
    const line = document.createElement("p");
    line.className = "course-from-disk";
    line.textContent = FROM_DISK;
    results.before(line);
  });
})();
