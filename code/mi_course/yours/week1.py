"""What the cells of week 1's optional chapter use until your own function has passed its check."""

from mi_course.folded.llama_parts import gated_mlp, grouped_attention, rms_norm, rotate

__all__ = ["gated_mlp", "grouped_attention", "rms_norm", "rotate"]
