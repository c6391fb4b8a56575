"""Answers to the exercise of the chapter on the paper, written without seeing its check."""

import torch


# --- normalised
def nm_linear(patched, corrupted, clean):
    slope = 1 / (clean - corrupted)
    return patched * slope - corrupted * slope


def nm_from_the_top(patched, corrupted, clean):
    return 1 - (clean - patched).double() / (clean - corrupted)


def nm_lerp(patched, corrupted, clean):
    ends = [torch.as_tensor(end, dtype=patched.dtype) for end in (corrupted, clean)]
    return torch.stack([(x - ends[0]) / (ends[1] - ends[0]) for x in patched.flatten()]).reshape(
        patched.shape
    )


def nm_turned(patched, corrupted, clean):
    return (clean - patched) / (clean - corrupted)


def nm_of_clean(patched, corrupted, clean):
    return (patched - corrupted) / clean


def nm_no_offset(patched, corrupted, clean):
    return patched / (clean - corrupted)


def nm_swapped(patched, corrupted, clean):
    return (patched - clean) / (corrupted - clean)


def nm_clamped(patched, corrupted, clean):
    return ((patched - corrupted) / (clean - corrupted)).clamp(0, 1)


def nm_in_place(patched, corrupted, clean):
    patched -= corrupted
    return patched / (clean - corrupted)


def nm_percent(patched, corrupted, clean):
    return 100 * (patched - corrupted) / (clean - corrupted)


def nm_mean(patched, corrupted, clean):
    return ((patched - corrupted) / (clean - corrupted)).mean()


def nm_numpy(patched, corrupted, clean):
    return ((patched - corrupted) / (clean - corrupted)).numpy()


def nm_own_range(patched, corrupted, clean):
    return (patched - patched.min()) / (patched.max() - patched.min())


def nm_log(patched, corrupted, clean):
    return (patched - corrupted).abs().log1p() / abs(clean - corrupted)


def nm_clipped_above(patched, corrupted, clean):
    return ((patched - corrupted) / (clean - corrupted)).clamp(max=1)


def nm_in_place_free(patched, corrupted, clean):
    return 1 - (clean - patched) / (clean - corrupted)


def exchanged(patched, corrupted, clean):
    return (patched - clean) / (corrupted - clean)


# --- tries of one who walked the chapter from its first cell to its last
def nm_of_corrupted(patched, corrupted, clean):
    return (patched - corrupted) / corrupted


def nm_minus_abs(patched, corrupted, clean):
    return (patched - corrupted).abs() / abs(clean - corrupted)


def nm_right(patched, corrupted, clean):
    moved = patched - corrupted
    return torch.div(moved, clean - corrupted)


WRONG = {
    "normalised": [
        (nm_of_corrupted, "divides by the corrupted run"),
        (nm_minus_abs, "the sign of the result is lost"),
        (exchanged, "exchanged"),
        (nm_log, "should become"),
        (nm_clipped_above, "cut"),
        (nm_turned, "exchanged"),
        (nm_of_clean, "clean minus corrupted"),
        (nm_no_offset, "subtract"),
        (nm_swapped, "exchanged"),
        (nm_clamped, "outside"),
        (nm_in_place, "in place"),
        (nm_percent, "percent"),
        (nm_mean, "shape"),
        (nm_numpy, "tensor"),
        (nm_own_range, "smallest to the largest"),
    ],
}


RIGHT = {
    "normalised": [
        nm_right,
        nm_in_place_free,
        nm_linear,
        nm_from_the_top,
        nm_lerp,
    ],
}
