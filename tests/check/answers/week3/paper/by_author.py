"""Answers of the check's author to the exercise of the chapter on the paper."""

import torch


# --- normalised
def norm_plain(patched, corrupted, clean):
    return (patched - corrupted) / (clean - corrupted)


def norm_from_clean(patched, corrupted, clean):
    return 1 - (clean - patched) / (clean - corrupted)


def norm_lerp(patched, corrupted, clean):
    return torch.stack([(row - corrupted) / (clean - corrupted) for row in patched])


def norm_exchanged(patched, corrupted, clean):
    return (patched - clean) / (corrupted - clean)


def norm_sign(patched, corrupted, clean):
    return (patched - corrupted) / (corrupted - clean)


def norm_ratio(patched, corrupted, clean):
    return patched / clean


def norm_no_offset(patched, corrupted, clean):
    return patched / (clean - corrupted)


def norm_change(patched, corrupted, clean):
    return patched - corrupted


def norm_clamped(patched, corrupted, clean):
    return norm_plain(patched, corrupted, clean).clamp(0, 1)


def norm_mean(patched, corrupted, clean):
    return norm_plain(patched, corrupted, clean).mean()


def nm_absolute_distance(patched, corrupted, clean):
    return (patched - corrupted) / abs(clean - corrupted)


def nm_own_mean(patched, corrupted, clean):
    return (patched - corrupted) / (patched.mean() - corrupted)


def nm_rounded(patched, corrupted, clean):
    return ((patched - corrupted) / (clean - corrupted)).round(decimals=2)


def nm_by_interpolation(patched, corrupted, clean):
    slope = 1 / (clean - corrupted)
    return torch.sub(patched, corrupted).mul(slope)


WRONG = {
    "normalised": [
        (nm_absolute_distance, "without its sign"),
        (nm_own_mean, "patched"),
        (nm_rounded, "rounded"),
        (norm_exchanged, "0 and 1 are exchanged"),
        (norm_sign, "the sign is wrong"),
        (norm_ratio, "it forgets the corrupted run"),
        (norm_no_offset, "the corrupted run is not subtracted"),
        (norm_change, "divide by clean minus corrupted"),
        (norm_clamped, "keep values outside"),
        (norm_mean, "the result has shape ()"),
    ],
}


RIGHT = {
    "normalised": [
        nm_by_interpolation,
        norm_plain,
        norm_from_clean,
        norm_lerp,
    ],
}
