"""The papers that chapters cite, read by pybtex, as the site reads them; how a notebook names them.

Names and titles in LaTeX, such as `{GPT-2}`, become what a reader sees.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mi_course.book.chapters import ChapterError

if TYPE_CHECKING:
    from pybtex.database import Entry, Person


def read(folder: Path) -> dict[str, Entry]:
    """The entries of every `.bib` file of a folder, by key.

    Raises:
        ChapterError: names the file, and the line, where one is no BibTeX or has a key twice.
    """
    return {key: entry for file in sorted(folder.glob("*.bib")) for key, entry in _entries(file)}


def _entries(file: Path) -> list[tuple[str, Entry]]:
    # Imported here: on Colab, which copies the wheel's notebooks, pybtex may be missing.
    from pybtex.database.input.bibtex import Parser
    from pybtex.exceptions import PybtexError

    try:
        return list(Parser(encoding="utf8").parse_file(str(file)).entries.items())
    except PybtexError as error:
        raise ChapterError(f"{file.name}: {error}") from error


def authors(entry: Entry) -> str:
    """Who wrote it: `Elhage et al.`, `Vig and Belinkov`, `Olah`; without an author, its title."""
    names = [_family_name(person) for person in entry.persons.get("author", [])]
    if not names:
        return title(entry)
    if len(names) == 2 and names[1] != "others":
        return f"{names[0]} and {names[1]}"
    return names[0] if len(names) == 1 else f"{names[0]} et al."


def _family_name(person: Person) -> str:
    return " ".join(map(str, person.rich_prelast_names + person.rich_last_names))


def title(entry: Entry) -> str:
    """The title without LaTeX: `A GPT-2 Circuit`."""
    from pybtex.richtext import Text

    return str(Text.from_latex(entry.fields.get("title", "")))


def year(entry: Entry) -> str:
    """The year as the entry gives it; empty where it gives none."""
    return str(entry.fields.get("year", ""))


def address(entry: Entry) -> str:
    """Where it can be read: on arXiv, at its own address, or by its DOI; empty without any."""
    fields = entry.fields
    if "eprint" in fields and fields.get("archiveprefix", "").lower() == "arxiv":
        return f"https://arxiv.org/abs/{fields['eprint']}"
    return fields.get("url") or (f"https://doi.org/{fields['doi']}" if "doi" in fields else "")
