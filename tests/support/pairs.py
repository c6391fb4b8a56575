"""Pairs of prompts for tests of interventions."""

import torch

from mi_course import ioi

GROUPS = torch.tensor([0, 1] * 5 + [0, 0])  # seven and five prompts


def random_pairs(model, count, length, first, ends, seed=0):
    """Random tokens; each pair is equal before `first[i]`, and prompt i ends at `ends[i]`."""
    generator = torch.Generator().manual_seed(seed)
    highest = min(model.cfg.d_vocab, 250)
    base, source = torch.randint(1, highest, (2, count, length), generator=generator)
    for row in range(count):
        source[row, : first[row]] = base[row, : first[row]]
    right, wrong = torch.randint(1, highest, (2, count), generator=generator)
    return base, source, ioi.Answers(torch.tensor(ends), right, wrong)


def grouped_pairs(model):
    """Twelve prompts and their partners in `GROUPS`, 8 and 6 tokens long, BOS in front."""
    base, source, answers = random_pairs(model, 12, 8, [1] * 12, [7 - 2 * int(g) for g in GROUPS])
    for tokens in (base, source):
        tokens[:, 0] = 0
        tokens[GROUPS == 1, 6:] = 0
    return base, source, answers


def group_means(values):
    """The mean over each of `GROUPS`, at each of its prompts."""
    means = [torch.stack([x[group == GROUPS].mean(0) for group in (0, 1)]) for x in values]
    return [mean[GROUPS] for mean in means]
