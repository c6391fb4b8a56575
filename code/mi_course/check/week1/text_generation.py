"""Check on writing text: greedy, drawn with a temperature, and the model's limit on length."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mi_course import transformer as ref
from mi_course.check.core import Attempt, Wrong, exercise
from mi_course.check.mistakes import named


class _Parrot(nn.Module):
    """A causal model that computes little: its logits follow from a running sum of the tokens.

    All else is as with a real model: a module with parameters, a mode, and sizes in `cfg`.
    """

    vocab, n_ctx = 11, 8

    def __init__(self) -> None:
        super().__init__()
        self.cfg = ref.Config(
            n_layers=1,
            n_heads=1,
            d_model=4,
            d_head=4,
            d_mlp=4,
            d_vocab=self.vocab,
            n_ctx=self.n_ctx,
        )
        self.longest = 0
        generator = torch.Generator().manual_seed(3)
        self.table = nn.Parameter(2 * torch.randn(97, self.vocab, generator=generator))

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits [batch, pos, vocab] of tokens [batch, pos]."""
        self.longest = max(self.longest, tokens.shape[1])
        tokens = tokens[:, -self.n_ctx :]
        weights = torch.arange(1, tokens.shape[1] + 1)
        return self.table[((tokens + 3) * weights).cumsum(1) % len(self.table)]


@exercise
def generate(attempt: Attempt) -> None:
    """`(model, tokens, n_new, temperature, generator) -> [batch, pos + n_new]`."""
    prompts = torch.tensor([[3, 1, 4, 1], [2, 7, 1, 8], [5, 5, 9, 0]])
    _greedy(attempt, prompts, 3)
    _greedy(attempt, prompts, 0)
    _greedy(attempt, prompts, 7)
    _greedy(attempt, prompts[:1, :1], 2)
    _defaults(attempt, prompts)
    for temperature in (2.0, 0.6):
        _sampling(attempt, prompts[:1].expand(4000, -1), temperature)
    _randomness(attempt, prompts)


def _defaults(attempt: Attempt, prompts: Tensor) -> None:
    """`generate(model, tokens, n_new)` is greedy."""

    def call(tokens: Tensor) -> Any:
        return attempt.function(_Parrot(), tokens, 2)

    result = Attempt(call)(prompts)
    _explain_text(result, prompts, 2)
    if not torch.equal(result, ref.generate(_Parrot(), prompts, 2)):
        raise Wrong("without a temperature the text should be greedy: the default is 0.0")


def _run(
    attempt: Attempt, tokens: Tensor, n_new: int, temperature: float, seed: int | None = None
) -> tuple[Any, _Parrot]:
    model = _Parrot()
    generator = None if seed is None else torch.Generator().manual_seed(seed)

    def call(tokens: Tensor) -> Any:
        return attempt.function(model, tokens, n_new, temperature, generator)

    return Attempt(call)(tokens), model


def _greedy(attempt: Attempt, tokens: Tensor, n_new: int) -> None:
    try:
        result, model = _run(attempt, tokens, n_new, 0.0)
    except Wrong as mistake:
        if any(word in str(mistake) for word in ("ZeroDivision", "nan", "inf")):
            raise Wrong(
                "with temperature 0 your function divides by zero: take the most likely token there"
            ) from None
        raise
    right = ref.generate(_Parrot(), tokens, n_new)
    attempt.expect(right, tokens)
    _explain_text(result, tokens, n_new)
    if torch.equal(result, right):
        if model.longest > model.n_ctx:
            told = f"the model was given {model.longest} tokens and reads at most {model.n_ctx}"
            raise Wrong(
                f"{told}: pass the latest, tokens[:, -model.cfg.n_ctx :]",
                symptom=told,
            )
        return
    if not torch.equal(result[:, : tokens.shape[1]], tokens):
        raise Wrong("the prompt is changed: the new tokens are appended to it")
    first = tokens.shape[1]
    logits = _Parrot()(tokens).detach()
    found = result[:, first]
    if torch.equal(found, right[:, first]):
        if bool((result[:, first:] == found[:, None]).all()):
            raise Wrong("the first new token is right and is repeated: append it and feed it back")
        if model.longest <= tokens.shape[1]:
            raise Wrong("the first new token is right, the next is not: append it and feed it back")
        raise Wrong(
            "the first new tokens are right, and a later one is not: when the text is longer than "
            "model.cfg.n_ctx, pass the LATEST tokens"
        )
    wrong = {
        "take the logits at the last position: those at the first one predict the second token": (
            logits[:, 0].argmax(-1)
        ),
        "this takes the least likely token: argmax": logits[:, -1].argmin(-1),
        "every prompt gets the token of the first one": logits[:1, -1]
        .argmax(-1)
        .expand(len(found)),
        "the logits at all positions are added: take those at the last one": (
            logits.sum(1).argmax(-1)
        ),
    }
    if tokens.shape[1] > 1:
        before = "take the logits at the last position, not those before it"
        wrong[before] = logits[:, -2].argmax(-1)
    raise Wrong(
        named(found, wrong, right[:, first])
        or "with temperature 0 the most likely token should be appended: the argmax of the logits "
        "at the last position"
    )


def _explain_text(result: Any, tokens: Tensor, n_new: int) -> None:
    batch, n = tokens.shape
    if result is None:
        raise Wrong("your function returns None: is the return statement missing?")
    if not isinstance(result, Tensor):
        raise Wrong(f"return a tensor of tokens, not {type(result).__name__}")
    if result.shape == (batch, n_new) and n_new:
        raise Wrong("return the prompt and its continuation, not the new tokens alone")
    if result.shape != (batch, n + n_new):
        raise Wrong(
            f"the result has shape {tuple(result.shape)}; expected (batch, pos + n_new) = "
            f"{(batch, n + n_new)}"
        )
    if result.is_floating_point():
        raise Wrong("tokens are integers, and your result holds floats")


def _sampling(attempt: Attempt, tokens: Tensor, temperature: float) -> None:
    """Compare the draws for many copies of a prompt with the distribution they should have."""
    result, _ = _run(attempt, tokens, 1, temperature, seed=1)
    _explain_text(result, tokens, 1)
    drawn = result[:, -1]
    if not 0 <= int(drawn.min()) <= int(drawn.max()) < _Parrot.vocab:
        raise Wrong("tokens were drawn that are not in the vocabulary: draw over the last axis")
    if bool((drawn == drawn[0]).all()):
        raise Wrong(
            f"with temperature {temperature} all of {len(drawn)} equal prompts get the same token: "
            "draw one for each prompt from softmax(logits / temperature)"
        )
    shares = drawn.bincount(minlength=_Parrot.vocab)[: _Parrot.vocab].double() / len(drawn)
    at_all = _Parrot()(tokens[:1])[0].detach().double()
    logits = at_all[-1]
    if _fits(shares, (logits / temperature).softmax(-1), len(drawn)):
        return
    others = {
        "the temperature is not used: divide the logits by the temperature": logits.softmax(-1),
        "divide the logits by the temperature, you multiply": (logits * temperature).softmax(-1),
        "divide the logits by the temperature, not the probabilities after the softmax": (
            (logits.softmax(-1) / temperature).softmax(-1)
        ),
        "the temperature works on the probabilities: divide the logits by the temperature, then "
        "one softmax": (logits.softmax(-1)).softmax(-1),
        "every token is drawn equally often: use the probabilities": (0 * logits).softmax(-1),
        "the draws come from the first position: take the logits at the last one": (
            (at_all[0] / temperature).softmax(-1)
        ),
        "divide the logits by the temperature, not by its root": (
            (logits / temperature**0.5).softmax(-1)
        ),
    }
    fitting = [s for s, probs in others.items() if _fits(shares, probs, len(drawn))]
    best = int(logits.argmax())
    told = (
        f"with temperature {temperature} the most likely token should come in "
        f"{(logits / temperature).softmax(-1)[best].item():.3f} of the draws, and comes in "
        f"{shares[best].item():.3f}"
    )
    if len(fitting) == 1:
        raise Wrong(fitting[0], symptom=told)
    raise Wrong(f"{told}: draw from softmax(logits / temperature)")


def _fits(shares: Tensor, probs: Tensor, n: int) -> bool:
    """Whether shares of n draws are within five standard errors of the probabilities."""
    error = (probs * (1 - probs) / n).sqrt()
    return bool(((shares - probs).abs() <= 5 * error + 1 / n).all())


def _randomness(attempt: Attempt, tokens: Tensor) -> None:
    before = torch.get_rng_state()
    one, again, other = (_run(attempt, tokens, 6, 3.0, seed)[0] for seed in (1, 1, 2))
    untouched = torch.equal(before, torch.get_rng_state())
    torch.set_rng_state(before)
    if not torch.equal(one, again) or not untouched:
        raise Wrong(
            "the draws do not come from the generator that is passed in: torch.multinomial("
            "probs, 1, generator=generator)",
            symptom="generators of the same seed give different texts"
            if not torch.equal(one, again)
            else "a generator was passed in, and PyTorch's own was drawn from",
        )
    if torch.equal(one, other):
        raise Wrong(
            "another seed gives the same text: use the generator that is passed in, not one of "
            "your own",
            symptom="generators of two seeds give the same text at temperature 3",
        )
    drawn = _run(attempt, tokens, 6, 3.0)[0]  # no generator: PyTorch's own
    torch.set_rng_state(before)
    _explain_text(drawn, tokens, 6)
