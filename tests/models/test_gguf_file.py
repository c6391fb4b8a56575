import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import dequantize, quantize

from mi_course.models import ModelFilesError
from mi_course.models.gguf_file import GGUFFile

KINDS = [GGMLQuantizationType.F32, GGMLQuantizationType.Q8_0, GGMLQuantizationType.Q4_1]


@pytest.fixture
def written(tmp_path):
    """A file by the format's own writer, and what went in."""
    path = tmp_path / "small.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_array("words", ["a", "Ġé", ""])
    writer.add_array("kinds", [3, -1, 2])
    writer.add_float32("eps", 0.5)
    writer.add_bool("yes", True)
    rng = np.random.default_rng(0)
    values = {}
    for kind in KINDS:
        raw = quantize(rng.standard_normal((5000, 64)).astype(np.float32), kind)
        writer.add_tensor(kind.name, raw, raw_dtype=kind)
        values[kind.name] = dequantize(raw, kind)
    writer.add_tensor("norm", np.arange(3, dtype=np.float32))
    values["norm"] = np.arange(3, dtype=np.float32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path, values


def test_fields_are_those_that_were_written(written):
    fields = GGUFFile(written[0]).fields
    assert fields["general.architecture"] == "llama"
    assert fields["words"] == ["a", "Ġé", ""]
    assert fields["kinds"] == [3, -1, 2]
    assert (fields["eps"], fields["yes"]) == (0.5, True)


def test_tensors_are_dequantised_as_by_the_formats_own_package(written):
    path, values = written
    file = GGUFFile(path)
    assert set(file.tensors) == set(values)
    for name, value in values.items():
        assert np.array_equal(file.read(name).numpy(), value), name


def test_other_files_and_damaged_ones_are_refused(written, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"no model at all")
    with pytest.raises(ModelFilesError, match="other is no GGUF file"):
        GGUFFile(other)
    other.write_bytes(written[0].read_bytes()[:150])
    with pytest.raises(ModelFilesError, match="the header of other is damaged"):
        GGUFFile(other)
