import pytest
import torch

from mi_course import hooks, induction, ioi, models
from mi_course.benchmark import quality
from mi_course.cli.main import main
from mi_course.models import registry


@pytest.fixture(scope="module")
def found(pocket):
    return quality.measure(pocket, per_form=6, repeats=2)


@torch.no_grad()
def test_figures_are_those_of_whole_passes(pocket, found):
    prompts = ioi.prompts(6, seed=quality.SEED, templates=[ioi.P8_FORM])
    batch = ioi.tokenize(pocket.tokenizer, prompts)
    diff = ioi.logit_diff(pocket(batch.tokens), batch)
    (abba, baba) = [row for row in found.ioi if row.form == ioi.P8_FORM]
    assert (abba.order, baba.order, abba.prompts, baba.prompts) == ("ABBA", "BABA", 3, 3)
    assert abba.logit_diff == pytest.approx(diff[::2].mean().item(), abs=1e-4)
    assert baba.logit_diff == pytest.approx(diff[1::2].mean().item(), abs=1e-4)
    assert abba.accuracy == (diff[::2] > 0).float().mean()
    tokens = induction.repeated_tokens(pocket, 2, 50, quality.SEED)
    losses = induction.token_losses(pocket(tokens), tokens)
    assert found.second_half == pytest.approx(losses[:, 51:].mean().item(), abs=1e-5)
    patterns = hooks.attention_patterns(pocket, tokens).mean(1)
    scores = induction.prefix_matching_score(patterns, 50)
    best, score = next(iter(found.prefix_matching.items()))
    layer, head = divmod(int(scores.argmax()), 4)
    assert (best, score) == (f"{layer}.{head}", pytest.approx(scores.max().item()))


def test_a_card_is_kept_and_read_back(found, tmp_path):
    text = quality.write(found, tmp_path).read_text()
    assert quality.read("pocket", tmp_path) == found
    assert f"| {ioi.P8_FORM} | ABBA | 3 |" in text
    assert models.sha256(models.POCKET_DIR / "model.safetensors") in text


def test_card_of_smollm2_belongs_to_its_weights_and_its_text_to_its_numbers():
    kept = quality.read("smollm2")
    assert kept.sha256 == registry.SMOLLM2.sha256
    text = (quality.CARDS / "smollm2.md").read_text("utf8")
    assert text == quality.render(kept)
    assert "quantised to 4 bits, dequantised to float32" in text


def test_command_writes_the_card(monkeypatch, found, tmp_path, capsys):
    monkeypatch.setattr(quality, "measure", lambda model: found)
    assert main(["quality", "--model", "pocket", "--into", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (tmp_path / "pocket.md").read_text("utf8")
