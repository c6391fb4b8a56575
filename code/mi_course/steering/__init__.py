"""The lab on probes and steering: what can be read from an activation, and what moves the answer.

`properties` writes texts whose labels are known, `reading` takes activations from them, `probing`
fits probes and their controls, `moving` adds vectors and swaps coordinates.
"""
