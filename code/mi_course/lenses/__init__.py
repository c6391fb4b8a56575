"""Lenses on `smollm2`: what the final layers would make of a vector of the residual stream.

The logit lens takes a vector as if it were the last one. The Jacobian lens of Gurnee et al. 2026,
arXiv:2607.15495, first carries it to the last layer by a matrix: the mean derivative of the last
stream by the stream at its own layer. TransformerLens fits and reads both; here are the prompts, a
lens that ships, and its controls.
"""
