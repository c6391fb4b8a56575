"""A research notebook of ten cells, which runs unchanged on every model of the course."""

# %% load
from mi_course import (
    ablation,
    attribution,
    copying,
    hooks,
    induction,
    ioi,
    ioi_data,
    logit_lens,
    models,
    patching,
    path_patching,
    plots,
)
from mi_course.heads import head_name, strongest_first

model = models.load()
data = ioi_data.dataset(model.tokenizer, 20, seed=3, templates=[ioi.P8_FORM])

# %% how well it does
clean = ioi.model_logit_diff(model, data.clean.tokens, data.clean.answers)
corrupted = ioi.model_logit_diff(model, data.flipped.tokens, data.clean.answers)
accuracy = (clean > 0).float().mean().item()
print(f"right on {accuracy:.0%}, logit difference {clean.mean():.2f}")

# %% cache
middle = f"blocks.{model.cfg.n_layers // 2}.hook_resid_post"
_, cache = hooks.run_with_cache(model, data.clean.tokens, [middle])
top = logit_lens.top_tokens(model, logit_lens.unembed(model, cache[middle])[0, -1])

# %% induction heads
tokens = induction.repeated_tokens(model, 4, 30, seed=0)
patterns = hooks.attention_patterns(model, tokens).mean(1)
scores = induction.prefix_matching_score(patterns, 30)
best = strongest_first(scores, scores.max().item())[0]
print(f"induction head {head_name(best)}: {scores.max():.2f}")

# %% direct effects and copying
effects = attribution.direct_effects(model, data.clean)
copies = copying.copy_scores(model, data.clean)
looks = attribution.end_attention(model, data.clean)
writer = divmod(int(effects.heads.mean(0).argmax()), model.cfg.n_heads)

# %% path patching
paths = path_patching.to_logits(model, data.clean.tokens, data.abc.tokens, data.clean.answers)
change = path_patching.relative_change(paths, clean)
mover = divmod(int(change.argmin()), model.cfg.n_heads)
print(f"largest drop {change.min():.0f} %: {head_name(mover)}")

# %% who tells it where to look
few = data[:6]
pairs = few.clean.tokens, few.abc.tokens, few.clean.answers
queries = path_patching.to_heads(model, *pairs, [mover], "q", few.clean.end)

# %% activation patching
pairs = few.flipped.tokens, few.clean.tokens, few.clean.answers
stream = ioi.normalised(patching.residual(model, *pairs).mean(0), clean.mean(), corrupted.mean())
values = patching.heads(model, *pairs, "v").mean(0)

# %% ablation
means = ablation.mean_activations(model, data.abc.tokens, data.template)
by = ablation.mean(means, data.template)
without = ablation.knock_out(model, data.clean.tokens, data.clean.answers, [mover], by=by)
print(f"without {head_name(mover)}: {without.mean():.2f}")

# %% figures
figures = [
    plots.head_heatmap(change, title="Direct paths", unit="%", signed=True),
    plots.head_heatmap(values, title="Values", unit="logits", columns=patching.units(model, "v")),
]
