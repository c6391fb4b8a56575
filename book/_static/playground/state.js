/* What the page shows, and how it stands in the address, so that a finding can be sent to somebody.

   playground.html#prompt=...&answer=...&other=...&change=1.3:zero,resid1:patch@14&source=...&head=1.2
   or the same with `?`, as the chapters' links have it. */
(() => {
  "use strict";
  const Playground = (window.Playground = window.Playground || {});

  const IOI = "When Mary and John went to the shops, John gave the bag to";
  const IOI_OTHER = "When Mary and John went to the shops, Mary gave the bag to";
  // Without head 0.2 the model no longer says the word that came next the first time.
  const PHRASE = " queen hat stone lamp queen hat stone";
  const REPEATED = " lamp river Anna drum blue wolf tea bell lamp river Anna drum blue wolf tea";

  /* Prompts to pick. `other` and `answer` may be empty: then they are the model's two best guesses. */
  const PROMPTS = {
    PHRASE: { name: "Four words, said twice", prompt: PHRASE, answer: "lamp", other: "stone", source: "" },
    IOI: { name: "Who gets the bag? (Mary)", prompt: IOI, answer: "Mary", other: "John", source: IOI_OTHER },
    REPEATED: { name: "Random words, written twice", prompt: REPEATED, answer: "bell", other: "lamp", source: "" },
  };
  const EXAMPLES = [
    PROMPTS.PHRASE,
    PROMPTS.IOI,
    { name: "The other way round (John)", prompt: IOI_OTHER, answer: "John", other: "Mary", source: IOI },
    PROMPTS.REPEATED,
    {
      name: "Three people (Lisa)",
      prompt: "When Tom, Amy and Lisa went to the park, the ball was given by Tom and Amy to",
      answer: "Lisa",
      other: "Amy",
      source: "",
    },
    { name: "A fact", prompt: "Yesterday, the cat ate the", answer: "", other: "", source: "" },
  ];

  const KEYS = ["prompt", "answer", "other", "at", "change", "source", "head", "show"];
  const EMPTY = { prompt: "", answer: "", other: "", at: null, changes: [], source: "", head: "0.0", show: "after" };
  /* The page opens on a phrase that is said twice, with a head that finds the word after the match. */
  const start = () => ({ ...EMPTY, ...PROMPTS.PHRASE, head: "1.1", changes: [] });
  const SHOWN = ["after", "before", "difference"];
  const CHANGE = /^([a-z]*\d*(?:\.\d+)?):(zero|mean|patch)(?:@(all|\d+))?$/;

  /* "1.3:zero,resid1:patch@14" -> changes, and the pieces that say nothing */
  const readChanges = (text) => {
    const unknown = [];
    const changes = [];
    for (const piece of text.split(",").filter(Boolean)) {
      const match = CHANGE.exec(piece.trim());
      if (!match) {
        unknown.push(piece);
        continue;
      }
      const [, part, how, at = "all"] = match;
      changes.push(how === "patch" ? { part, how, at: at === "all" ? at : +at } : { part, how });
    }
    return { changes, unknown };
  };

  const writeChange = ({ part, how, at }) => `${part}:${how}${how === "patch" ? `@${at}` : ""}`;

  /* The state that an address asks for; what it does not name is as at the start, or empty where it
     brings a prompt of its own. -> {state, unknown: pieces that say nothing} */
  const readAddress = (text) => {
    const asked = new URLSearchParams(text.replace(/^[#?]/, ""));
    const unknown = [...asked.keys()].filter((key) => !KEYS.includes(key));
    const state = asked.has("prompt") ? { ...EMPTY, changes: [] } : start();
    for (const key of ["prompt", "answer", "other", "source", "head"]) {
      if (asked.has(key)) state[key] = asked.get(key);
    }
    if (/^\d+$/.test(asked.get("at") || "")) state.at = +asked.get("at");
    if (SHOWN.includes(asked.get("show"))) state.show = asked.get("show");
    const read = readChanges(asked.get("change") || "");
    state.changes = read.changes;
    return { state, unknown: [...unknown, ...read.unknown] };
  };

  /* The address of a state: empty for the start. */
  const writeAddress = (state) => {
    const initial = start();
    const same = (a, b) => KEYS.every((key) => plain(a, key) === plain(b, key));
    if (same(state, initial)) return "";
    const parts = KEYS.filter((key) => key === "prompt" || plain(state, key) !== plain(EMPTY, key));
    const encode = (text) => encodeURIComponent(text).replace(/%(2C|3A|40)/g, decodeURIComponent);
    return `#${parts.map((key) => `${key}=${encode(plain(state, key))}`).join("&")}`;
  };

  const plain = (state, key) => {
    if (key === "change") return state.changes.map(writeChange).join(",");
    return state[key] === null ? "" : String(state[key]);
  };

  Object.assign(Playground, { EXAMPLES, PROMPTS, readAddress, readChanges, startState: start, writeAddress, writeChange });
})();
