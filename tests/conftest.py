"""Fixtures: a tiny random model, the shipped model, and an honest account of what was not run."""

import json
import os
import shutil
import sys

import pytest

# The helpers' own asserts too: with PYTHONOPTIMIZE=1 only what pytest rewrites is executed.
pytest.register_assert_rewrite("support")
os.environ["MI_COURSE_PROGRESS"] = "off"  # what is checked here is no learner's progress

import mi_course  # noqa: E402, F401  (before transformers: see mi_course.torchvision_hook)
from support.order import dealt  # noqa: E402
from support.outside import SHARED, not_run  # noqa: E402

if (SHARED / "data" / "MNIST").is_dir():
    os.environ.setdefault("MI_COURSE_DATA", str(SHARED / "data"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Where processes share the tests: the longest first. All of them order alike."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes > 1:
        items[:] = dealt(items, [(item.path.name, item.name) for item in items], processes)


def pytest_terminal_summary(terminalreporter):
    """List every test that was not run, with its reason: nothing is skipped silently."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.section(f"NOT RUN: {len(skipped)}")
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        text = str(reason).removeprefix("Skipped: ").removeprefix("NOT RUN: ")
        terminalreporter.line(f"{report.nodeid}: {text}")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """A random GPT-2 with unequal sizes: 2 layers, 3 heads of 4, MLP 20, 32 positions."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch = pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("tiny")
    end = "<|endoftext|>"
    letters = {end: 0} | {
        letter: i for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()), 1)
    }
    tokenizer = Tokenizer(models.BPE(vocab=letters, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=end, eos_token=end, unk_token=end
    ).save_pretrained(folder)
    config = GPT2Config(
        n_layer=2, n_head=3, n_embd=12, n_inner=20, vocab_size=300, n_positions=32,
        bos_token_id=0, eos_token_id=0, initializer_range=0.5,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder):
    """`tiny_folder`, booted."""
    from mi_course import models

    return models.boot(tiny_folder)


@pytest.fixture(scope="session")
def tiny_llama_folder(tmp_path_factory, tiny_folder):
    """A random Llama of unequal sizes: 3 layers, 6 heads of 4 in 2 groups, MLP 14."""
    from support import tiny_llama

    return tiny_llama.tiny_llama_folder(tmp_path_factory.mktemp("llama"), tiny_folder)


@pytest.fixture(scope="session")
def tiny_llama(tiny_llama_folder):
    """`tiny_llama_folder`, booted."""
    from mi_course import models

    return models.boot(tiny_llama_folder)


@pytest.fixture(scope="session")
def smollm2():
    """SmolLM2-135M-Instruct; tests that ask for it stand in one file, so that it is loaded once."""
    from mi_course import models
    from mi_course.models import smollm2

    if smollm2.installed() is None:
        not_run(f"SmolLM2-135M-Instruct is not installed: {smollm2.INSTALL}")
    return models.load("smollm2", quiet=True)


@pytest.fixture(scope="session")
def pocket():
    """The model that ships with the course."""
    from mi_course import models

    return models.load("pocket", quiet=True)


@pytest.fixture(scope="session")
def coarse(tmp_path_factory):
    """`pocket` with a LayerNorm epsilon of 0.3, as large as a variance, in place of 0.00001."""
    from mi_course import models

    folder = tmp_path_factory.mktemp("coarse")
    for name in ("model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(models.POCKET_DIR / name, folder)
    config = json.loads((models.POCKET_DIR / "config.json").read_text("utf8"))
    (folder / "config.json").write_text(json.dumps(config | {"layer_norm_epsilon": 0.3}))
    return models.boot(folder)


@pytest.fixture(scope="session")
def offline_hub(tmp_path_factory):
    """A Hugging Face cache that answers for GPT-2 with random weights of the real size."""
    script = SHARED / "offline-hub" / "make_hub.py"
    if not script.exists():
        not_run("the offline hub (random weights of GPT-2's size) is not on this machine")
    import subprocess

    folder = tmp_path_factory.mktemp("hub")
    # mi_course first: see mi_course.torchvision_hook
    run = "import mi_course, runpy, sys; runpy.run_path(sys.argv.pop(1), None, '__main__')"
    command = [sys.executable, "-c", run, str(script), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture
def offline_hub_env(offline_hub):
    """The environment in which a new process finds the offline hub."""
    return os.environ | {"HF_HOME": str(offline_hub), "HF_HUB_OFFLINE": "1"}
