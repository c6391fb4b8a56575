"""From a chapter's source to the learner's notebook."""
