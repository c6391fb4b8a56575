"""A bridge that refuses what `TransformerBridge` would silently accept.

`mi_course.models.load` returns one. It is a `TransformerBridge` in all else: what the library does
right is left to it. Each method below checks its arguments, then calls the library's own.

What TransformerLens 4.3 silently accepts: keyword arguments that nothing reads, `fwd_hooks`
among them; a misspelt name beside a right one, and a filter that matches nothing; hook points that
are switched off, or that a run never reaches; padding that a mask does not hide; a loss that counts
padding; a second BOS; text cut off at the end of the context; hooks that were left behind; dropout.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge

from mi_course import hooks
from mi_course.guards import filters, padding
from mi_course.guards.calls import Call, is_texts, is_tokens, signature

_HOOK_WORDS = ("fwd_hooks", "bwd_hooks", "hooks")
# Read by the library's own methods, though no signature names them.
_ALSO_READ = {
    "decoder_input",
    "device",
    "one_zero_attention_mask",
    "use_past_kv_cache",
    "output_attentions",
}
_LOSSES = ("loss", "both")  # the return types that hold a loss


class GuardedBridge(TransformerBridge):
    """A `TransformerBridge` whose silent mistakes are errors that say what to do."""

    def forward(self, input: Any = None, *args: Any, **kwargs: Any) -> Any:
        """The library's forward pass, of texts, or of tensors on any device.

        The loss of a list of texts leaves out their padding. It is the mean over all tokens that
        are predicted, so that a long text counts more.

        Raises:
            TypeError: a keyword that nothing reads; for hooks, the message names the right method.
            ValueError: tokens that the model cannot read, or would read wrongly; a mask that does
                not hide padding; a loss that would count padding.
            RuntimeError: dropout is on, as after `model.train()`, and this is no step of training.
        """
        self._check_keywords("model(...)", kwargs)
        call = Call(TransformerBridge.forward, self, input, *args, **kwargs)
        self._check_dropout(call)
        if is_texts(input):
            self._check_texts(input, call)
        elif is_tokens(input):
            self._check_tokens(input, call)
        elif isinstance(input, Tensor) and input.ndim == 3:  # embeddings, or a residual stream
            hooks.check_length(self, input.shape[1])
        elif input is not None or not (args or kwargs):
            raise _no_input(input)
        call.move(self.cfg.device)
        return call()

    def run_with_hooks(self, input: Any, *args: Any, **kwargs: Any) -> Any:
        """The library's run with hooks.

        Raises:
            KeyError: a hook point that the model does not have, or a filter that matches none.
            RuntimeError: hooks left behind would act too, or a hook never ran.
            TypeError, ValueError: as `forward`; a hook point that is switched off.
        """
        self._check_no_hook_left()
        call = Call(TransformerBridge.run_with_hooks, self, input, *args, **kwargs)
        self._check_hooks(call)
        watch = filters.Watch()
        call["fwd_hooks"] = watch.over(call["fwd_hooks"])
        output = call()
        watch.check(partial=call.is_partial())
        return output

    def run_with_cache(self, input: Any, *args: Any, **kwargs: Any) -> Any:
        """The library's run with a cache. Raises as `run_with_hooks`, and takes no hooks."""
        self._check_keywords("run_with_cache", kwargs)
        self._check_no_hook_left()
        call = Call(TransformerBridge.run_with_cache, self, input, *args, **kwargs)
        wanted = call["names_filter"]
        self._check_names_filter(call)
        output, cache = call()
        _check_cached(wanted, cache, partial=call.is_partial())
        return output, cache

    def hooks(self, *args: Any, **kwargs: Any) -> Any:
        """The library's `with model.hooks(...)`. Refuses what `run_with_hooks` does by name."""
        call = Call(TransformerBridge.hooks, self, *args, **kwargs)
        self._check_hooks(call)
        return call()

    def add_hook(self, name: Any, *args: Any, **kwargs: Any) -> None:
        """The library's. Refuses a name or a filter as `run_with_hooks` does."""
        super().add_hook(filters.check_filter(self, name), *args, **kwargs)

    def get_caching_hooks(self, *args: Any, **kwargs: Any) -> Any:
        """The library's; `add_caching_hooks` calls it. Refuses filters as `run_with_cache` does."""
        call = Call(TransformerBridge.get_caching_hooks, self, *args, **kwargs)
        self._check_names_filter(call)
        return call()

    def generate(self, input: Any = "", *args: Any, **kwargs: Any) -> Any:
        """The library's. Texts of a list are padded on the left and masked, with or without BOS.

        Raises:
            ValueError: more tokens than the context holds; tokens that end with padding, or begin
                with padding that no mask hides. All before the first token is made.
            KeyError, TypeError: as `run_with_cache`, which is given `names_filter`.
        """
        call = Call(TransformerBridge.generate, self, input, *args, **kwargs)
        self._check_names_filter(call)
        self._check_generation(call)
        return call()

    def generate_stream(self, input: Any = "", *args: Any, **kwargs: Any) -> Any:
        """The library's. Raises as `generate`."""
        call = Call(TransformerBridge.generate_stream, self, input, *args, **kwargs)
        self._check_generation(call)
        return call()

    def hf_generate(self, input: Any = "", *args: Any, **kwargs: Any) -> Any:
        """The library's call of Hugging Face's own method. Raises as `generate`."""
        call = Call(TransformerBridge.hf_generate, self, input, *args, **kwargs)
        self._check_generation(call)
        return call()

    def to_tokens(
        self,
        input: Any,
        prepend_bos: bool | None = None,
        padding_side: str | None = None,
        move_to_device: bool = True,
        truncate: bool = False,
    ) -> Tensor:
        """Tokens of a text; a text longer than the context is refused, unless `truncate` is set.

        A text that already begins with a written BOS gets no second one, and a warning says so.

        Raises:
            ValueError: the text does not fit.
        """
        once = self._with_one_bos(input, prepend_bos)
        self._tell_of_bos(input, once)
        tokens = super().to_tokens(once, prepend_bos, padding_side, move_to_device, truncate)
        if tokens.shape[-1] > self.cfg.n_ctx:
            raise ValueError(
                f"the text is {tokens.shape[-1]} tokens long, and this model reads at most "
                f"{self.cfg.n_ctx}: shorten it, or cut it off with truncate=True"
            )
        return tokens

    def to_single_token(self, string: str) -> int:
        """The id of a text that is one token. Raises ValueError for any other text."""
        return hooks.single_token(self, string)

    def _check_keywords(self, method: str, given: Iterable[str]) -> None:
        known = _keywords(type(self.original_model))
        for word in given:
            if word in _HOOK_WORDS:
                raise TypeError(
                    f"{method} takes no hooks and would ignore {word}: call "
                    "model.run_with_hooks(tokens, fwd_hooks=[(name, function)]), or "
                    "mi_course.hooks.run_with_cache(model, tokens, names, hooks=[...]) to cache too"
                )
            if word not in known:
                near = difflib.get_close_matches(word, known, n=1)
                hint = f"did you mean {near[0]}?" if near else "nothing reads it"
                raise TypeError(f"{method} has no argument {word!r}: {hint}")

    def _check_no_hook_left(self) -> None:
        running = getattr(self, "context_level", 0)
        for name, point in self.hook_dict.items():
            for handle in (*point.fwd_hooks, *point.bwd_hooks):
                # those of `with model.hooks(...)` and of a run have a level, while they last
                lasts = handle.context_level is not None and handle.context_level <= running
                if not lasts and not handle.is_permanent:
                    raise RuntimeError(
                        f"a hook that add_hook left at {name} would change this run: call "
                        "model.reset_hooks() first; for hooks on purpose, "
                        "use `with model.hooks(fwd_hooks=[(name, function)]):`"
                    )

    def _check_hooks(self, call: Call) -> None:
        """Check the names and filters of hooks in both directions."""
        for word in ("fwd_hooks", "bwd_hooks"):
            pairs = list(call[word])
            if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
                raise TypeError(f"{word} must be a list of pairs (name, function)")
            call[word] = [(filters.check_filter(self, name), hook) for name, hook in pairs]

    def _check_names_filter(self, call: Call) -> None:
        wanted = call["names_filter"]
        if isinstance(wanted, list):
            if not wanted:
                raise KeyError("names_filter is an empty list: leave it out to keep everything")
            filters.check_hook_names(self, wanted)
        elif wanted is not None:
            call["names_filter"] = filters.check_filter(self, wanted)

    def _check_tokens(self, tokens: Tensor, call: Call) -> None:
        """Check token ids, and what the mask and the loss make of padding."""
        rows = tokens[None] if tokens.ndim == 1 else tokens
        if before := call.length_of_past():  # the mask is then longer than the tokens
            hooks.check_length(self, before + rows.shape[-1])
            return
        mask = self._mask(rows, call)
        hooks.check_tokens(self, rows, mask)
        if call["return_type"] in _LOSSES:
            scored = rows if call["labels"] is None else call["labels"]
            padding.check_right(self, scored, mask, harm="the loss would count it")

    def _check_texts(self, texts: str | list[str], call: Call) -> None:
        """Hide the padding of a list of texts, where the model or the loss would count it."""
        loss = call["return_type"] in _LOSSES
        side = call["padding_side"] or self.tokenizer.padding_side
        made = self._mask_texts(texts, call, side, needed=loss or side == "left")
        if made and loss and call["loss_per_token"]:
            raise ValueError(
                "texts of different lengths do not fit one tensor of losses: call the model for "
                "each text, or give it tokens and an attention_mask (the loss is then 0 at padding)"
            )

    def _mask_texts(self, texts: str | list[str], call: Call, side: str, *, needed: bool) -> bool:
        """Check the mask given beside texts or, where one is needed, make it: true if it was made.

        The library's own mask takes one token of padding for BOS, also if there is to be no BOS.
        """
        if call["attention_mask"] is None and (isinstance(texts, str) or not needed):
            return False
        tokens, text = self._padded(texts, call["prepend_bos"], side)
        mask = self._mask(tokens, call)
        if mask is None:
            if not (made := not bool(text.all())):
                return False
            call["attention_mask"] = text.long()
            return made
        if needed and bool((mask & ~text).any()):
            raise ValueError(
                "attention_mask counts the padding of a text as text: leave it out, and a list of "
                "texts gets the right one"
            )
        return False

    def _padded(
        self, texts: str | list[str], prepend_bos: bool | None, side: str
    ) -> tuple[Tensor, Tensor]:
        """Tokens of texts, and where they are text rather than padding; both (batch, pos)."""
        once = self._with_one_bos(texts, prepend_bos)
        tokenize = functools.partial(
            super().to_tokens, prepend_bos=prepend_bos, padding_side=side, truncate=False
        )
        listed = [once] if isinstance(once, str) else once
        return tokenize(once), padding.mask_of_texts(tokenize, listed, side)

    def _mask(self, tokens: Tensor, call: Call) -> Tensor | None:
        """The mask of a call as booleans, (batch, pos), if it has one and it is a sensible one."""
        mask = call["attention_mask"]
        mask = call["one_zero_attention_mask"] if mask is None else mask
        if mask is None:
            return None
        if mask.ndim == 4:
            if call["position_ids"] is None:  # the library counts positions by a mask of 2 only
                padding.check_left(self, tokens)
            return self._prepare_loss_attention_mask(mask, tokens)
        mask = padding.as_mask(mask, tokens)
        padding.check_bos_is_read(self, tokens, mask)
        return mask

    def _check_dropout(self, call: Call) -> None:
        """Refuse dropout, which gives other numbers each time, but for a loss with gradients."""
        if call["return_type"] in _LOSSES and torch.is_grad_enabled():
            return
        modules = self.original_model.modules()
        if any(m.training and m.p > 0 for m in modules if isinstance(m, torch.nn.Dropout)):
            raise RuntimeError(
                "the model is in train mode: its dropout would give other numbers each time. Call "
                "model.eval() first (a loss with gradients, for training, may have it)"
            )

    def _check_generation(self, call: Call) -> None:
        """Check the prompts, and that what is asked for fits the context."""
        self._check_dropout(call)
        prompt = call["input"]
        if is_texts(prompt):
            if call.takes("attention_mask"):
                self._mask_texts(prompt, call, "left", needed=True)
            else:  # Hugging Face's tokenizer, which makes the mask
                call["input"] = self._with_one_bos(prompt, self.cfg.tokenizer_prepends_bos)
                self._tell_of_bos(prompt, call["input"])
            tokens, _ = self._padded(prompt, call["prepend_bos"], "left")
        elif is_tokens(prompt):
            tokens = prompt[None] if prompt.ndim == 1 else prompt
            mask = self._mask(tokens, call)
            if call["padding_side"] is None:  # or the library reads the padding off the tokens
                hooks.check_tokens(self, tokens, mask)
            padding.check_right(self, tokens, mask, harm="generate would go on after it")
        else:
            tokens = prompt  # embeddings, (batch, pos, d_model)
        self._check_room(tokens.shape[1], call)

    def _check_room(self, length: int, call: Call) -> None:
        new = call["max_new_tokens"]
        # the last new token is not read, unless a cache of the whole is asked for
        room = self.cfg.n_ctx - length + (0 if call["return_cache"] else 1)
        if new > room:
            raise ValueError(
                f"{length} tokens and {new} new ones are too many: this model reads at most "
                f"{self.cfg.n_ctx}; "
                + (f"ask for max_new_tokens={room}" if room > 0 else "shorten the text")
            )

    def _with_one_bos(self, texts: Any, prepend_bos: bool | None) -> Any:
        """Texts without a written BOS, where the library adds one."""
        bos = self.tokenizer.bos_token
        prepend = self.cfg.default_prepend_bos if prepend_bos is None else prepend_bos
        if not prepend or not bos or not is_texts(texts):
            return texts
        if isinstance(texts, str):
            return texts.removeprefix(bos)
        return [text.removeprefix(bos) for text in texts]

    def _tell_of_bos(self, texts: Any, once: Any) -> None:
        if once != texts:
            filters.tell(
                f"the text begins with {self.tokenizer.bos_token}, which every text begins with in "
                "this model's tokens: it is there once, not twice"
            )


def guard(model: TransformerBridge) -> GuardedBridge:
    """Turn a bridge into a guarded one, in place: its weights and hook points stay as they are."""
    model.__class__ = GuardedBridge
    return cast(GuardedBridge, model)


def _no_input(given: Any) -> Exception:
    """The error for what is neither texts nor tokens."""
    want = "give the model a text, a list of texts, or the tokens of model.to_tokens(text)"
    if isinstance(given, list) and not given:
        return ValueError(f"the list of texts is empty: {want}")
    if isinstance(given, Tensor):
        return ValueError(
            f"tokens are whole numbers (torch.int64) of shape (batch, pos), not {given.dtype} of "
            f"shape {tuple(given.shape)}: {want}"
        )
    return TypeError(f"the model reads texts and tokens, not {type(given).__name__}: {want}")


def _keywords(hugging_face_model: type) -> set[str]:
    """Every keyword that some method on the way to the weights reads."""
    methods = (
        TransformerBridge.forward,
        TransformerBridge.run_with_cache,
        hugging_face_model.forward,  # type: ignore[attr-defined]
    )
    found = {name for method in methods for name in signature(method).parameters}
    return (found | _ALSO_READ) - {"self", "kwargs"}


def _check_cached(wanted: Any, cache: Any, *, partial: bool) -> None:
    """Raise RuntimeError for a hook point that was asked for, and that the run did not reach."""
    kept = set(cache.keys())
    names = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else []
    missing = [name for name in names if name not in kept]
    if missing or (callable(wanted) and not kept):
        raise filters.never_ran(missing[0] if missing else wanted, partial=partial)
