"""The real GPT-2 small, where its weights are found; else the reason why its tests were not run."""

import os

import pytest

from support.outside import not_run
from support.tiny_gpt2 import tiny_gpt2_folder


@pytest.fixture(scope="session")
def gpt2():
    """GPT-2 small: from the local cache, or from the hub where `MI_COURSE_MODEL=gpt2` asks so."""
    from mi_course import models

    cached = models.cached_gpt2()
    if cached is None and os.environ.get("MI_COURSE_MODEL") != "gpt2":
        not_run(
            "GPT-2 small is not in the local Hugging Face cache; "
            "MI_COURSE_MODEL=gpt2 makes the tests download it (550 MB)"
        )
    if cached is not None and models.sha256(cached) != models.GPT2_SHA256:
        not_run("the GPT-2 in the local cache does not have the weights of GPT-2 small (SHA-256)")
    try:
        return models.load("gpt2", quiet=True)
    except models.ModelFilesError as error:
        not_run(str(error))


@pytest.fixture(scope="session")
def random_gpt2(tmp_path_factory):
    """Random weights with GPT-2's 12 layers of 12 heads, very small, and pocket's tokenizer."""
    from mi_course import models
    from mi_course.models import loading
    from mi_course.models.files import WEIGHTS

    folder = tiny_gpt2_folder(tmp_path_factory.mktemp("random_gpt2"))
    model = models.boot(folder)
    # such weights get this label when they lie where GPT-2's are looked for
    files = loading.Files(folder, models.sha256(folder / WEIGHTS))
    model.mi_course_info = loading.identify(models.GPT2, files)
    return model
