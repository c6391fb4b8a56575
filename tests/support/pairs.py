"""Pairs of prompts for tests of interventions."""

import torch

from mi_course import ioi


def random_pairs(model, count, length, first, ends, seed=0):
    """Random tokens; each pair is equal before `first[i]`, and prompt i ends at `ends[i]`."""
    generator = torch.Generator().manual_seed(seed)
    highest = min(model.cfg.d_vocab, 250)
    base, source = torch.randint(1, highest, (2, count, length), generator=generator)
    for row in range(count):
        source[row, : first[row]] = base[row, : first[row]]
    right, wrong = torch.randint(1, highest, (2, count), generator=generator)
    return base, source, ioi.Answers(torch.tensor(ends), right, wrong)
