"""What the first, the second and the third failure of an exercise tell: symptom, cause, fix.

The verdict on a mistake is one sentence. Most have the form `cause: fix`, others `symptom: cause`,
and some say only how a result has to look. A check may say which part is which when it raises
`Wrong`; otherwise the parts are read from the sentence, and where it begins with the cause, the
symptom is what was seen: the arguments, what should have come back and what did.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

OR = "; or: "
"""Stands between the sentences of two mistakes that both explain a result."""
UNSEEN = "the check does not accept the result"
"""The symptom of a mistake of which nothing was seen."""
POINTERS = (
    " (for the cause, check again or add hint=True)",
    " (for the fix, check again or add hint=True)",
)
"""What a verdict ends with where a further failure tells more."""

_AT_ONCE = re.compile(r"(?:return|pass|yield|write|call)\s|not written yet")
"""How a result has to look, or how a check is called: nobody is helped by less than all of it."""
_HAPPENED = re.compile(
    r"^(?:your (?:function|module|loop|test|hook) |the model has no hook point |after a call that "
    r"|\d|with |for |in \d|of the (?:items|indices) "
    r"|future tokens leak|changing (?:token|prompt) |prompts of a batch |two calls |large logits "
    r"|the numbers are (?:right|nearly right), |right the first time|the output |the hook for "
    r"|the (?:result|weight \S+) (?:has|have|holds|needs|cannot) |encode was asked "
    r"|the weights do not move|the stream ends|a graph for derivatives|this (?:calls|uses nn\.))"
    r"|(?:has|have) shape|expected |should |\byours?\b (?:is|has|are|change)|yours: |; found "
    r"|came back$|accepted silently$|gives? NaN"
)
"""Parts of a sentence that say what happened, and not why."""
_MORE_FOLLOWS = re.compile("future tokens leak|prompts of a batch|right the first time")
"""Parts of that kind which another of that kind may explain."""
_OPEN, _CLOSE = "([{“", ")]}”"


class Steps(NamedTuple):
    """What is told of one mistake.

    Attributes:
        symptom: at the first failure: what was expected and what came back, or what happened.
        cause: at the second.
        full: at the third: the fix as well.
    """

    symptom: str
    cause: str
    full: str

    def told(self, failure: int) -> str:
        """The verdict of the first, second, third … failure; it says where more can be had."""
        step = min(failure, len(self)) - 1
        more = step < len(POINTERS) and self[step] != self.full
        return self[step] + (POINTERS[step] if more else "")

    def plus(self, addition: str) -> Steps:
        """The same with something more about the cause."""
        return Steps(self.symptom, self.cause + addition, self.full + addition)


def at_once(message: str) -> Steps:
    """Steps of a verdict that holds nothing back."""
    return Steps(message, message, message)


def of(message: str, symptom: str = "", cause: str = "", seen: str = "") -> Steps:
    """The steps in which a verdict is told.

    Args:
        message: all of it.
        symptom: what is told first, where the check has said it.
        cause: what is told next, where the check has said it.
        seen: the symptom of a verdict that begins with the cause.
    """
    if not symptom and _AT_ONCE.match(message):
        return at_once(message)
    symptom = symptom or message[: _end_of_symptom(message)] or seen or UNSEEN
    return Steps(symptom, cause or _without_fix(message, symptom), message)


def with_values(hint: str) -> str:
    """The part of a check's own hint that says what was expected and what came back, if any."""
    symptom = hint[: _end_of_symptom(hint)]
    return symptom if re.search(r"\byours?\b|; found |, got ", symptom) else ""


def _end_of_symptom(message: str) -> int:
    """Where the part of a verdict ends that says what happened; 0 where it begins otherwise."""
    end = 0
    for start, stop in _parts(message):
        if not _HAPPENED.search(message[start:stop]):
            break
        end = stop
        if not _MORE_FOLLOWS.match(message[start:stop]):
            break
    return end


def _without_fix(message: str, symptom: str) -> str:
    """A verdict up to its cause; all of it where nothing follows that could be a fix."""
    if message.startswith(symptom):
        return _but_the_last(message, len(symptom))
    sentences = message.split(OR)
    return OR.join(_but_the_last(one, _end_of_symptom(one)) for one in sentences)


def _but_the_last(sentence: str, symptom: int) -> str:
    """A sentence without its last part, if two or more follow on the symptom that ends there."""
    parts = [part for part in _parts(sentence) if part[0] >= symptom]
    return sentence[: parts[-2][1]] if len(parts) > 1 else sentence


def _parts(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of the parts between colons, and between sentences; not within brackets."""
    start = depth = 0
    code = quoted = False
    for i, letter in enumerate(text):
        before, after = text[max(i - 1, 0) : i], text[i + 1 : i + 2]
        code ^= letter == "`"
        if letter == "'":  # an apostrophe stands behind a letter
            quoted = (quoted and after.isalnum()) or (not quoted and not before.isalnum())
        depth += (letter in _OPEN) - (letter in _CLOSE)
        if code or quoted or depth > 0 or after != " ":
            continue
        is_colon = letter == ":" and not text[:i].endswith("yours")
        if is_colon or (letter == "." and text[i + 2 : i + 3].isupper()):
            yield start, i
            start = i + 2
    yield start, len(text)


def from_inner(part: str, message: str) -> str:
    """What a message holds of an earlier one's part: it and what stands before, if not a bracket.

    Returns:
        Nothing where the part is empty or not in the message.
    """
    at = message.find(part) if part else -1
    if at < 0:
        return ""
    return part if message[:at].count("(") > message[:at].count(")") else message[: at + len(part)]
