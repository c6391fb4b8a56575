"""Week 2's optional training runs: a small model, what it is trained on, and the logs that ship."""
