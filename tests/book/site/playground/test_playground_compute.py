"""Everything that the playground shows is computed once, without the page, from what is asked."""

import json

import pytest
import torch

from mi_course import ablation, hooks
from mi_course.book.site import browser_model
from mi_course.book.site.playground import NUMBERS, SCRIPTS
from support import node
from support.playground import SOURCE, call

IOI = "When Mary and John went to the shops, John gave the bag to"
OTHER = "When Mary and John went to the shops, Mary gave the bag to"
START = {"prompt": IOI, "answer": "Mary", "other": "John", "at": None, "changes": [], "source": ""}
ZERO = {"part": "0.2", "how": "zero"}
PATCH = {"part": "resid1", "how": "patch", "at": 14}
# What is shown, without the caches of two runs.
SHOWN = """(result) => {
    const { weights, before, after, patterns, ...plain } = result;
    return { ...plain, moved: Object.values(patterns || {}).map((p) => p.moved) };
}"""


def asked(**change):
    return START | change


@pytest.fixture(scope="module")
def compute(bare):
    """A function from a state to what is shown of it, in the browser."""
    return lambda state: call(bare, f"state => ({SHOWN})(Playground.computer(model)(state))", state)


# Counts what a sequence of states costs after the first: passes through the model, and streams that
# are unembedded.
COUNTED = """states => {
    const counts = { passes: 0, unembedded: 0 };
    const kept = {};
    const count = (name, what) => {
        kept[name] = Playground[name];
        Playground[name] = (...given) => {
            counts[what] += 1;
            return kept[name](...given);
        };
    };
    count("run", "passes");
    count("forward", "passes");
    count("unembed", "unembedded");
    try {
        const compute = Playground.computer(model);
        return states.map((state) => {
            Object.assign(counts, { passes: 0, unembedded: 0 });
            compute(state);
            return [counts.passes, counts.unembedded];
        });
    } finally {
        Object.assign(Playground, kept);
    }
}"""


@pytest.mark.browser
@pytest.mark.parametrize(
    ("change", "passes", "unembedded"),
    [
        ({}, 0, 0),
        ({"head": "1.3", "show": "difference"}, 0, 0),  # another view
        ({"at": 3}, 0, 0),
        ({"answer": "", "other": "bag"}, 0, 0),
        ({"source": OTHER}, 0, 0),  # typed, and nothing is patched from it yet
        ({"changes": [ZERO]}, 1, 2),  # the places before the last one, whose logits are the pass's
        ({"changes": [PATCH], "source": OTHER}, 2, 2),
        ({"prompt": OTHER}, 1, 2),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else None,
)
def test_only_what_changed_is_computed_again(bare, change, passes, unembedded):
    first, second, again = call(bare, COUNTED, [START, asked(**change), asked(**change)])
    assert first == [1, 2]
    assert second == [passes, unembedded]
    assert again == [0, 0]


@pytest.mark.browser
def test_the_passes_before_a_change_are_kept(bare):
    changes = [[], [ZERO], [{"part": "1.1", "how": "zero"}], []]
    counts = call(bare, COUNTED, [asked(changes=c) for c in changes])
    # Undone, the model without changes has not to be run, only read again.
    assert [passes for passes, _ in counts] == [1, 1, 1, 0]


@pytest.mark.browser
def test_what_is_shown_is_what_python_computes(compute, pocket):
    found = compute(asked(changes=[ZERO], at=10))
    tokens = pocket.to_tokens(IOI)
    assert found["tokens"] == tokens[0].tolist()
    zeroed = ablation.ablation_hooks(pocket, tokens, [(0, 2)], "zero")
    before, after = (hooks.run_with_hooks(pocket, tokens, made)[0] for made in ([], zeroed))
    mary, john = (hooks.single_token(pocket, name) for name in (" Mary", " John"))
    assert (found["answerId"], found["otherId"]) == (mary, john)
    for logits, name in ((before, "diffBefore"), (after, "diffAfter")):
        assert found[name] == pytest.approx(float(logits[10, mary] - logits[10, john]), abs=1e-3)
    share = after.softmax(-1)
    best = share[10].topk(8)
    assert [g["id"] for g in found["guesses"]] == best.indices.tolist()
    assert [g["after"] for g in found["guesses"]] == pytest.approx(best.values.tolist(), abs=1e-4)
    was = before.softmax(-1)[10, best.indices].tolist()
    assert [g["before"] for g in found["guesses"]] == pytest.approx(was, abs=1e-4)
    last = found["lens"][-1]
    assert [cell["best"] for cell in last] == share.argmax(-1).tolist()
    chances = [cell["probability"] for cell in last]
    assert chances == pytest.approx(share.amax(-1).tolist(), abs=1e-4)
    differences = [cell["difference"] for cell in last]
    assert differences == pytest.approx((after[:, mary] - after[:, john]).tolist(), abs=1e-3)
    assert found["effects"]["total"] == pytest.approx(found["diffAfter"], abs=1e-3)
    pattern = hooks.attention_patterns(pocket, tokens)[0, 0, 1]  # of 0.1, which nothing moves
    assert found["scores"]["0.1"]["toAnswer"] == pytest.approx(float(pattern[10, 2]), abs=1e-4)
    assert found["moved"][:4] == [0, 0, 0, 0]
    assert min(found["moved"][4:]) > 0


@pytest.mark.browser
def test_what_cannot_be_made_is_left_out_with_a_sentence(compute, pocket):
    patch = {"part": "0.0", "how": "patch", "at": "all"}
    found = compute(asked(changes=[patch, ZERO], source="Tom", answer="hippopotamus"))
    assert found["changes"] == [ZERO]
    length = len(pocket.tokenizer.encode(" hippopotamus", add_special_tokens=False))
    too_short, too_long = found["notes"]
    assert "equal length: these have 15 and 3 tokens" in too_short
    assert too_long == f"“hippopotamus” is {length} tokens here: choose a word that is one."
    assert found["m"] == 3
    assert compute(asked(prompt=" "))["problem"].startswith("The prompt is empty")


@pytest.mark.browser
@pytest.mark.parametrize("at", [0, 2, 4])
def test_where_a_token_looks_and_who_looks_at_it_are_its_row_and_column(bare, at):
    pattern = torch.arange(1, 26).view(5, 5)
    code = "([pattern, at]) => Playground.attentionAround(pattern, 5, at)"
    found = call(bare, code, [pattern.flatten().tolist(), at])
    assert found["looks"] == pattern[at].tolist()
    assert found["looked"] == [0] * at + pattern[at:, at].tolist()  # nobody looks ahead


def test_what_is_computed_needs_no_page(tmp_path):
    """In node, where there is no document."""
    scripts = [*(SOURCE / name for name in NUMBERS), browser_model.write(tmp_path)]
    code = f"""state => {{
        const compute = Playground.computer(Playground.openModel(POCKET));
        return ({SHOWN})(compute(state));
    }}"""
    found = node.call(code, asked(changes=[PATCH], source=OTHER), scripts)
    assert found["n"] == found["m"] == 15
    assert found["diffBefore"] > 1
    assert found["diffAfter"] < 0
    assert len(found["losses"]) == 14


def test_every_script_of_the_folder_is_loaded_once():
    files = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.js"))
    assert sorted(SCRIPTS) == files
