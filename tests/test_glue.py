import pytest
import torch

from mi_course import glue as module


@pytest.fixture
def glued(monkeypatch):
    import myst_nb

    found = {}
    monkeypatch.setattr(myst_nb, "glue", lambda name, value, display: found.update({name: value}))
    return found


def test_tensors_and_numbers_become_plain_python(glued):
    module.glue("loss", torch.tensor(0.5))
    module.glue("count", torch.tensor(3))
    module.glue("head", "1.4")
    assert glued == {"loss": 0.5, "count": 3, "head": "1.4"}
    assert [type(v) for v in glued.values()] == [float, int, str]


def test_value_that_no_page_can_format_is_refused(glued):
    with pytest.raises(TypeError, match="glue 'x': text or one number expected, not list"):
        module.glue("x", [1, 2])
