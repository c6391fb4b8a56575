import json
import re

import pytest
import torch

from mi_course import folded, models, patching, path_patching
from mi_course.benchmark import bench, flops
from mi_course.cli.main import main
from support.pairs import random_pairs

SHAPE = flops.Shape(layers=3, heads=2, d_model=5, d_head=4, d_mlp=7, vocab=11, length=6)


def counted(work):
    """Operations of matrix products as PyTorch's own counter sees them."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        work()
    return counter.get_total_flops()


@pytest.fixture(scope="module")
def model():
    return bench.random_model(bench.QUICK)


def test_operations_of_a_pass_are_those_of_its_parts():
    linear, attend, mlp = 2 * 5 * 8, 4 * 6 * 8, 4 * 5 * 7
    layer = 4 * linear + attend + mlp
    assert flops.forward(SHAPE, unembed=False) == 6 * 3 * layer
    assert flops.forward(SHAPE) - flops.forward(SHAPE, unembed=False) == 6 * 2 * 5 * 11
    # from the last layer on: keys and values at two positions, all else at END
    assert flops.from_layer(SHAPE, 2, 2) == 2 * 2 * linear + 2 * linear + attend + mlp
    assert flops.from_layer(SHAPE, 1, 2) - flops.from_layer(SHAPE, 2, 2) == 2 * layer
    assert flops.from_layer(SHAPE, 3, 2) == 0


def test_ceilings_at_gpt2s_size():
    """How often the operations of a sweep fit into one whole pass, with logits, for each patch."""
    shape = flops.Shape(12, 12, 768, 64, 3072, 50257, 15)
    full = flops.forward(shape)
    # names swapped differ from the 11th token on, pABC from the third
    assert 145 * full / flops.heads(shape, 10) == pytest.approx(8.4, rel=0.05)
    assert 145 * full / flops.heads(shape, 2) == pytest.approx(3.6, rel=0.05)
    assert 181 * full / flops.residual(shape, 2) == pytest.approx(7.4, rel=0.05)


class MatrixProducts(flops.Shape):
    """PyTorch's counter does not see inside its fused attention."""

    attend = 0


def test_folded_pass_needs_the_operations_that_are_counted(model):
    data = bench._data(model, 3)
    base, source, answers = data.abc.tokens, data.clean.tokens, data.clean.answers
    shape = MatrixProducts.of(model, base.shape[1])
    first = int((base != source).int().argmax(1).min())
    folded.of(model)  # made and compared now: later calls need no operations
    assert counted(lambda: folded.of(model)) == 0
    pairs = model, base, source, answers
    for need, work in (
        (flops.heads(shape, first), lambda: patching.heads(*pairs)),
        (flops.residual(shape, first), lambda: patching.residual(*pairs)),
        (flops.paths_to_logits(shape), lambda: path_patching.to_logits(*pairs)),
    ):
        assert counted(work) == pytest.approx(3 * need, rel=0.01)


def test_operations_of_a_llama_are_those_that_are_counted(tiny_llama):
    pairs = tiny_llama, *random_pairs(tiny_llama, 3, 8, [2, 2, 2], [7, 7, 7])
    shape = MatrixProducts.of(tiny_llama, 8)
    assert (shape.groups, shape.gated) == (2, True)
    folded.of(tiny_llama)
    for need, work in (
        (flops.heads(shape, 2), lambda: patching.heads(*pairs)),
        (flops.residual(shape, 2), lambda: patching.residual(*pairs)),
        (flops.paths_to_logits(shape), lambda: path_patching.to_logits(*pairs)),
    ):
        assert counted(work) == pytest.approx(3 * need, rel=0.01)


@pytest.mark.slow
def test_bench_measures_a_model_of_the_course_by_its_name(monkeypatch, pocket):
    monkeypatch.setattr(models, "load", lambda name, quiet: pocket)
    for part in ("_heads_flipped", "_heads_abc", "_residual_flipped", "_residual_abc"):
        monkeypatch.setattr(bench, part, bench._paths)
    report = bench.run(2, 2, threads=1, name="pocket")
    assert str(report).startswith(f"{models.info(pocket)}, 2 prompts of 15 tokens")


def test_quick_bench_compares_the_same_numbers_and_writes_them(tmp_path, capsys):
    file = tmp_path / "bench.json"
    threads = torch.get_num_threads()
    command = ["bench", "--quick", "--prompts", "2", "--memory-prompts", "6", "--json", str(file)]
    assert main([*command, "--threads", "1"]) == 0
    assert torch.get_num_threads() == threads
    table = capsys.readouterr().out
    found = json.loads(file.read_text())
    assert found["threads"] == 1
    assert found["gflops"] > 0
    assert set(found["memory_mb"]) == {"paths to the logits", "head outputs"}
    assert len(found["lines"]) == 5
    for line in found["lines"]:
        assert line["off_by"] < 1e-5
        assert line["ratio"] == pytest.approx(line["theirs_s"] / line["ours_s"])
        assert re.search(re.escape(line["name"]), table)


def test_bench_without_a_folder_for_its_numbers_says_so(tmp_path, capsys):
    assert main(["bench", "--quick", "--json", str(tmp_path / "no" / "x.json")]) == 1
    assert "no such folder" in capsys.readouterr().err


def test_peak_of_memory_is_above_what_was_there_before():
    held = torch.ones(10_000_000)
    peak = bench._peak_mb(lambda: [torch.ones(25_000_000).sum() for _ in range(3)])
    assert 80 < peak < 300
    assert held.sum() > 0
