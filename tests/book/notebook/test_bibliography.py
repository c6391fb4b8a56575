"""References as a notebook names them: people as one reads them, address, errors that say where."""

import pytest

from mi_course.book.chapters import ChapterError
from mi_course.book.notebook import bibliography


@pytest.fixture
def entry(tmp_path):
    """Read one entry from its fields."""

    def read(fields):
        (tmp_path / "a.bib").write_text(f"@misc{{key, {fields}}}\n")
        return bibliography.read(tmp_path)["key"]

    return read


@pytest.mark.parametrize(
    ("people", "named"),
    [
        ("Olah, Chris", "Olah"),
        ("Jesse Vig and Yonatan Belinkov", "Vig and Belinkov"),
        ("Elhage, Nelson and others", "Elhage et al."),
        ("A One and B Two and C Three", "One et al."),
        (r"Kaiser, {\L}ukasz and Bottou, L{\'e}on", "Kaiser and Bottou"),
        (r"Garriga-Alonso, A and Erd{\H{o}}s, Paul", "Garriga-Alonso and Erdős"),
        ("Laurens van der Maaten", "van der Maaten"),
        ("{Team of One and All}", "Team of One and All"),
    ],
)
def test_authors_go_by_their_family_names_as_they_are_read(entry, people, named):
    assert bibliography.authors(entry(f"author = {{{people}}}")) == named


def test_a_reference_without_an_author_goes_by_its_title(entry):
    assert bibliography.authors(entry("title = {The {GPT-2} Notes}")) == "The GPT-2 Notes"


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ('eprint = "2211.00593", archivePrefix = {arXiv}', "https://arxiv.org/abs/2211.00593"),
        ("url = {https://x.org/a_b}, doi = {10.1/2}", "https://x.org/a_b"),
        ("doi = {10.1/2}", "https://doi.org/10.1/2"),
        ("eprint = 5", ""),
    ],
)
def test_a_reference_leads_to_where_it_can_be_read(entry, fields, address):
    assert bibliography.address(entry(fields)) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("@misc{a,\n  title = {never closed\n", r"^refs\.bib: syntax error in line 2"),
        ("@misc{a, year = 1}\n@misc{a, year = 2}\n", r"^refs\.bib: repeated .*: a$"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_the_reason(tmp_path, text, why):
    (tmp_path / "refs.bib").write_text(text)
    with pytest.raises(ChapterError, match=why):
        bibliography.read(tmp_path)
