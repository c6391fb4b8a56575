import dataclasses
import json
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from mi_course import models
from mi_course.models import files, gpt2, loading, registry
from support.small_course import package_env
from support.tiny_gpt2 import tiny_gpt2_folder


def test_pocket_says_which_weights_it_has(pocket):
    found = models.info(pocket)
    assert found.name == "pocket"
    assert found.sha256 == models.sha256(models.POCKET_DIR / "model.safetensors")
    assert found.n_params <= 600_000
    assert found in models.loaded()


def test_load_prints_one_line_that_names_the_model(capsys):
    models.load("pocket")
    out = capsys.readouterr().out
    assert out.startswith("Model pocket: ")
    assert out.count("\n") == 1


def test_unlabelled_model_is_refused(tiny):
    with pytest.raises(ValueError, match=r"not loaded by mi_course\.models\.load"):
        models.info(tiny)


def test_unknown_name_is_refused():
    with pytest.raises(
        ValueError, match="unknown model 'gpt3': choose one of auto, gpt2, smollm2, pocket"
    ):
        models.load("gpt3")


def test_environment_chooses_where_no_name_is_given(monkeypatch, capsys):
    monkeypatch.setenv("MI_COURSE_MODEL", "pocket")
    assert models.info(models.load()).name == "pocket"
    assert "auto" not in capsys.readouterr().out


@pytest.fixture
def pocket_copy(tmp_path, monkeypatch):
    folder = tmp_path / "pocket"
    shutil.copytree(models.POCKET_DIR, folder)
    monkeypatch.setattr(registry, "POCKET_DIR", folder)
    return folder


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_damaged_file_is_named(pocket_copy, file):
    path = pocket_copy / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(models.ModelFilesError, match=f"pocket/{file} is damaged.*train-pocket"):
        models.load("pocket")


def test_missing_file_is_named(pocket_copy):
    (pocket_copy / "tokenizer.json").unlink()
    with pytest.raises(models.ModelFilesError, match=r"pocket/tokenizer\.json is missing"):
        models.load("pocket")


def test_unreadable_checksums_are_named(pocket_copy):
    (pocket_copy / "checksums.json").write_text("{")
    with pytest.raises(models.ModelFilesError, match=r"no readable checksums\.json"):
        models.load("pocket")


def test_every_file_that_loading_reads_has_a_checksum():
    listed = json.loads((models.POCKET_DIR / "checksums.json").read_text())
    read = {path.name for path in models.POCKET_DIR.iterdir()} - {"checksums.json", "MODEL_CARD.md"}
    assert read <= set(listed)


def hub_state(monkeypatch, *, cached=None, answers=False, memory=10**11):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(gpt2, "cached", lambda: cached)
    monkeypatch.setattr(gpt2, "hub_answers", lambda: answers)
    monkeypatch.setattr(loading, "free_memory", lambda: memory)


def test_auto_takes_gpt2_where_the_hub_answers(monkeypatch):
    hub_state(monkeypatch, answers=True)
    choice = models.choose()
    assert (choice.name, choice.reason) == ("gpt2", "auto: the model hub answers")


def test_auto_takes_pocket_where_nothing_answers(monkeypatch):
    hub_state(monkeypatch)
    assert models.choose().name == "pocket"


def test_auto_takes_pocket_where_memory_is_short(monkeypatch):
    hub_state(monkeypatch, answers=True, memory=2 * 10**9)
    choice = models.choose()
    assert choice.name == "pocket"
    assert choice.reason == "auto: 2.0 GB of memory free, GPT-2 small needs 3"


def test_auto_does_not_take_stand_in_weights(monkeypatch, tmp_path):
    stand_in = tmp_path / "model.safetensors"
    stand_in.write_bytes(b"random")
    hub_state(monkeypatch, cached=stand_in)
    choice = models.choose()
    assert choice.name == "pocket"
    assert "other weights" in choice.reason


def test_auto_falls_back_when_the_download_fails(monkeypatch, capsys):
    hub_state(monkeypatch, answers=True)

    def fails(*, answered):
        raise models.ModelFilesError("cut off")

    monkeypatch.setattr(gpt2, "fetch", fails)
    assert models.info(models.load("auto")).name == "pocket"
    assert "the download of GPT-2 small failed" in capsys.readouterr().out
    with pytest.raises(models.ModelFilesError, match="cut off"):
        models.load("gpt2")


def test_hub_that_never_answers_is_given_up_in_time():
    start = time.monotonic()
    assert not models.hub_answers(lambda: time.sleep(60), patience_s=0.2)
    assert time.monotonic() - start < 2


def test_hub_that_refuses_is_no_hub():
    def refuses():
        raise OSError("no route")

    assert not models.hub_answers(refuses)
    assert models.hub_answers(lambda: None)


def test_auto_decides_within_five_seconds_on_this_machine():
    start = time.monotonic()
    models.choose()
    assert time.monotonic() - start < 5


@pytest.fixture
def counted(monkeypatch, tmp_path):
    """A hub with a tiny GPT-2, and how often it was asked and its weights were hashed.

    Its weights count as those of GPT-2 small.
    """
    import huggingface_hub

    folder = tiny_gpt2_folder(tmp_path)
    weights = folder / files.WEIGHTS
    times = {"asked": 0, "hashed": 0}
    real = files.sha256

    def sha256(path):
        times["hashed"] += path.name == files.WEIGHTS
        return real(path)

    def ask():
        times["asked"] += 1

    entry = dataclasses.replace(registry.GPT2, sha256=real(weights))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(registry, "GPT2", entry)
    monkeypatch.setattr(registry, "MODELS", (entry, registry.POCKET))
    monkeypatch.setattr(loading, "free_memory", lambda: 10**11)
    monkeypatch.setattr(loading, "_loaded", [])
    monkeypatch.setattr(files, "sha256", sha256)
    monkeypatch.setattr(gpt2, "_ask_hub", ask)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **options: str(folder))
    return SimpleNamespace(weights=weights, times=times)


def test_auto_asks_the_hub_once_and_hashes_what_came_once(counted, monkeypatch):
    monkeypatch.setattr(gpt2, "cached", lambda: None)
    assert models.info(models.load("auto", quiet=True)).name == "gpt2"
    assert counted.times == {"asked": 1, "hashed": 1}


def test_auto_hashes_the_cached_gpt2_once_and_asks_nobody(counted, monkeypatch):
    monkeypatch.setattr(gpt2, "cached", lambda: counted.weights)
    assert models.info(models.load("auto", quiet=True)).name == "gpt2"
    assert counted.times == {"asked": 0, "hashed": 1}


def test_the_librarys_own_bridge_is_booted_from_the_same_files(counted, monkeypatch):
    monkeypatch.setattr(gpt2, "cached", lambda: counted.weights)
    bare = models.load_bare(models.load("auto", quiet=True))
    assert bare.cfg.n_layers == 12
    assert counted.times == {"asked": 0, "hashed": 1}


def test_a_new_model_is_one_entry_and_one_loader(monkeypatch, tiny_folder, capsys):
    third = dataclasses.replace(registry.POCKET, name="third", display="Third", found="package")
    digest = models.sha256(tiny_folder / files.WEIGHTS)
    monkeypatch.setattr(registry, "MODELS", (*registry.MODELS, third))
    third_files = loading.Files(tiny_folder, digest)
    monkeypatch.setitem(loading.LOADERS, "third", lambda choice: third_files)
    monkeypatch.setattr(loading, "_loaded", [])
    assert models.info(models.load("third")).sha256 == digest
    assert capsys.readouterr().out.startswith("Model third: ")
    assert registry.names() == ("pocket", "gpt2", "smollm2", "third")


def test_every_model_of_the_registry_has_a_loader():
    assert set(loading.LOADERS) == set(registry.names())


def test_importing_the_models_imports_nothing_that_computes_or_asks_the_network():
    code = (
        "import sys\n"
        "for name in ('torch', 'numpy', 'psutil', 'huggingface_hub', 'transformers'):\n"
        "    sys.modules[name] = None\n"
        "from mi_course import models\n"
        "from mi_course.models import registry\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=package_env())


def test_gpt2_is_asked_for_in_vain_in_one_sentence(monkeypatch):
    hub_state(monkeypatch)
    with pytest.raises(models.ModelFilesError, match="MI_COURSE_MODEL=pocket"):
        models.load("gpt2")


@pytest.mark.slow
def test_stand_in_weights_of_gpt2_are_labelled_random(offline_hub_env):
    code = (
        "from mi_course import models; print(models.choose().reason); m = models.load('gpt2'); "
        "print(models.info(m).name, models.info(m).n_params, models.info(m).revision == ''); "
        "print(m.to_tokens('Hello, world!').tolist(), m.cfg.n_layers, m.cfg.n_heads)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], env=offline_hub_env, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "other weights than GPT-2 small" in result.stdout
    assert "gpt2-random 124439808 True" in result.stdout
    assert "These are NOT the weights of GPT-2" in result.stdout
    assert "[[50256, 15496, 11, 995, 0]] 12 12" in result.stdout


def test_folded_model_gives_the_same_logits_as_transformers(tiny, tiny_folder):
    from transformers import GPT2LMHeadModel

    tokens = torch.tensor([[0, 5, 6, 7, 8]])
    with torch.no_grad():
        reference = GPT2LMHeadModel.from_pretrained(tiny_folder).eval()(tokens).logits
        assert torch.allclose(
            tiny(tokens).log_softmax(-1), reference.log_softmax(-1), atol=1e-4
        )  # centring moves all logits of a position together
