"""The proof that stored outputs cannot go stale: seeded damages, and how many are caught."""
