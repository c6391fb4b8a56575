"""Superposition where the truth is known: toy models, and top-k autoencoders on `pocket`.

Elhage et al. 2022, arXiv:2209.10652, for the toys; Gao et al. 2024, arXiv:2406.04093, for the
autoencoders. The grammar that wrote `pocket`'s text says which variables there are, so that what a
dictionary finds is counted and not judged by eye.
"""
