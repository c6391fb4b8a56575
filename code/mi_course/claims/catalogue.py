"""Every claim of the course, read from the source: the site is built without torch.

What `@claim(…)` is given are literals, and the names of verdicts.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from typing import Any

from mi_course.claims import sources
from mi_course.claims.finding import CANNOT_TELL, NO, YES, Claim, ClaimError

_NAMES = {"YES": YES, "NO": NO, "CANNOT_TELL": CANNOT_TELL}


@cache
def declared() -> Mapping[str, Claim]:
    """The claims by name, without their functions.

    Raises:
        ClaimError: something that is no literal, a verdict without a sentence, a name used twice.
    """
    found: dict[str, Claim] = {}
    for module, path in sources.files().items():
        if module.startswith("claims.") and path.name != "finding.py":
            for one in _claims(module, ast.parse(path.read_text("utf8"))):
                if one.name in found:
                    raise ClaimError(f"two claims are named {one.name}: choose another name")
                found[one.name] = one
    return found


def named(name: str) -> Claim:
    """The claim of this name.

    Raises:
        ClaimError: there is none; names those that are like it.
    """
    if name not in declared():
        week = name.partition("/")[0]
        near = [known for known in declared() if known.partition("/")[0] == week]
        raise ClaimError(f"no claim is named {name!r}; there are {', '.join(near or declared())}")
    return declared()[name]


def digest(one: Claim) -> str:
    """Changes when what a claim finds may change, never for an edit of its sentences."""
    what = f"{one.n} {one.of} {one.templates} {sorted(one.needs.items())}"
    return _digest(one.made_in, what)


@cache
def _digest(made_in: str, what: str) -> str:
    module, _, function = made_in.partition(":")
    return sources.digest(module, function, what)


def _claims(module: str, tree: ast.Module) -> list[Claim]:
    return [
        _claim(module, node.name, decorator)
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if sources.is_claim(decorator) and isinstance(decorator, ast.Call)
    ]


def _claim(module: str, function: str, call: ast.Call) -> Claim:
    try:
        (name,) = (_value(one) for one in call.args)
        what = {str(one.arg): _value(one.value) for one in call.keywords}
        return Claim(name, **what, made_in=f"{module}:{function}")
    except (TypeError, ValueError) as error:
        if isinstance(error, ClaimError):
            raise
        raise ClaimError(
            f"{module}.{function}: @claim takes a name and literals: {error}"
        ) from error


def _value(node: ast.expr) -> Any:
    """A literal, in which YES, NO and CANNOT_TELL may stand."""
    named = ast.fix_missing_locations(_Verdicts().visit(node))
    return ast.literal_eval(named)


class _Verdicts(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(_NAMES[node.id]) if node.id in _NAMES else node
