"""From a chapter's source to its page, its stored outputs and the learner's notebook.

`chapters` reads the source, `run` executes it, `store` and `compare` keep the outputs honest,
`nbval_plugin` re-executes them, `notebooks` makes the learner's copy, `sphinx_ext` shows the page.
Nothing here imports torch: the chapters do, in a kernel of their own.
"""
