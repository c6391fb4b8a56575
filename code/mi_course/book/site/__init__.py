"""From a chapter's source and its stored outputs to its page."""
