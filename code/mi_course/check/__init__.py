"""Check your own work: `check.NAME(my_function)` says that it passed, or what is wrong.

In a notebook: `from mi_course import check`, then for instance
`check.prefix_matching_score(my_prefix_matching_score)`.
"""

from mi_course.check.core import EXERCISES, Verdict
from mi_course.check.labs.another_circuit import (
    attention_from_end,
    order_gap,
    swap_attention,
    swap_input,
    writes_against,
)
from mi_course.check.labs.gradient_patching import (
    linear_estimate,
    pair_metrics,
    part_way,
    recovered_share,
    strongest_edges,
)
from mi_course.check.labs.lenses import (
    answer_ranks,
    average_jacobian,
    random_inputs,
    swap_coordinates,
    transported_logits,
)
from mi_course.check.labs.probes_and_steering import (
    accuracy_table,
    add_vector,
    centred_scores,
    last_tokens,
    log_ratio,
)
from mi_course.check.labs.superposition import (
    best_cosines,
    f1_table,
    feature_dimensions,
    top_k_latents,
    toy_output,
    without_latent,
)
from mi_course.check.week1.attention_layer import attention, attention_pattern
from mi_course.check.week1.data_loading import (
    flat_pixels,
    pair_dataset,
    pairs_of,
    shuffled_batches,
    zip_batches,
)
from mi_course.check.week1.digit_errors import accuracy, confusion_matrix, hardest_errors
from mi_course.check.week1.llama_parts import gated_mlp, grouped_attention, rms_norm, rotate
from mi_course.check.week1.mlp_mnist import build_mlp, flatten_images, mean_loss, train_epoch
from mi_course.check.week1.text_generation import generate
from mi_course.check.week1.transformer_parts import block, embed, layer_norm, mlp
from mi_course.check.week1.whole_transformer import attention_weights, transformer
from mi_course.check.week2.direct_attribution import direct_logit_attribution
from mi_course.check.week2.einops_practice import (
    neuron_rows,
    pattern_strip,
    split_heads,
    token_grid,
)
from mi_course.check.week2.head_composition import composition_scores, match_table
from mi_course.check.week2.induction_forming import losses_by_period, matching_attention
from mi_course.check.week2.induction_heads import prefix_matching_score, top_heads, zero_head
from mi_course.check.week2.repeated_tokens import continue_pattern, repeated_tokens, token_losses
from mi_course.check.week2.repeats import loss_by_repeat, repeat_blocks
from mi_course.check.week2.shape_log import log_shapes
from mi_course.check.week2.transformerlens import lens_logits, most_probable, strongest_neurons
from mi_course.check.week2.weight_circuits import copy_ranks, head_circuits
from mi_course.check.week3.activation_patching import (
    flip,
    logit_difference,
    name_positions,
    normalised,
    patch_position,
)
from mi_course.check.week3.batches_and_hooks import batches, hooks_for
from mi_course.check.week3.debugging import patch_test
from mi_course.check.week3.figure_3 import name_projection, relative_change, template_means
from mi_course.check.week3.knock_outs import faithfulness, knock_out_heads, self_repair
from mi_course.check.week3.paths import path_patch
from mi_course.check.week3.prompt_streams import both_orders, gifts, one_token
from mi_course.check.week3.sweeps import head_sweep, position_sweep
from mi_course.check.week4.mean_interval import interval_of_mean
from mi_course.check.week4.positional_subspace import (
    leading_directions,
    remove_component,
    shuffle_component,
)

__all__ = [
    "EXERCISES",
    "Verdict",
    "accuracy",
    "accuracy_table",
    "add_vector",
    "answer_ranks",
    "attention",
    "attention_from_end",
    "attention_pattern",
    "attention_weights",
    "average_jacobian",
    "batches",
    "best_cosines",
    "block",
    "both_orders",
    "build_mlp",
    "centred_scores",
    "composition_scores",
    "confusion_matrix",
    "continue_pattern",
    "copy_ranks",
    "direct_logit_attribution",
    "embed",
    "f1_table",
    "faithfulness",
    "feature_dimensions",
    "flat_pixels",
    "flatten_images",
    "flip",
    "gated_mlp",
    "generate",
    "gifts",
    "grouped_attention",
    "hardest_errors",
    "head_circuits",
    "head_sweep",
    "hooks_for",
    "interval_of_mean",
    "knock_out_heads",
    "last_tokens",
    "layer_norm",
    "leading_directions",
    "lens_logits",
    "linear_estimate",
    "log_ratio",
    "log_shapes",
    "logit_difference",
    "loss_by_repeat",
    "losses_by_period",
    "match_table",
    "matching_attention",
    "mean_loss",
    "mlp",
    "most_probable",
    "name_positions",
    "name_projection",
    "neuron_rows",
    "normalised",
    "one_token",
    "order_gap",
    "pair_dataset",
    "pair_metrics",
    "pairs_of",
    "part_way",
    "patch_position",
    "patch_test",
    "path_patch",
    "pattern_strip",
    "position_sweep",
    "prefix_matching_score",
    "random_inputs",
    "recovered_share",
    "relative_change",
    "remove_component",
    "repeat_blocks",
    "repeated_tokens",
    "rms_norm",
    "rotate",
    "self_repair",
    "shuffle_component",
    "shuffled_batches",
    "split_heads",
    "strongest_edges",
    "strongest_neurons",
    "swap_attention",
    "swap_coordinates",
    "swap_input",
    "template_means",
    "token_grid",
    "token_losses",
    "top_heads",
    "top_k_latents",
    "toy_output",
    "train_epoch",
    "transformer",
    "transported_logits",
    "without_latent",
    "writes_against",
    "zero_head",
    "zip_batches",
]
