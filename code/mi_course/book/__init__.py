"""From a chapter's source to its page, its stored outputs and the learner's notebook.

`chapters` reads the source, `run` executes it, `store` and `compare` keep the outputs honest,
`nbval_plugin` re-executes them. `notebook` makes the learner's copy, `site` the page, `publish`
what CI puts elsewhere; `proof` damages copies of the book and counts what is noticed.
Nothing here imports torch: the chapters do, in a kernel of their own.
"""
