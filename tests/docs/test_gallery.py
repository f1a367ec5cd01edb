"""The gallery is what its table says, and up to date."""

from __future__ import annotations

import pytest

from archlang.cli.app import program
from tests.docs.blocks import ROOT
from tests.docs.test_examples import EXAMPLES, example

FOLDER = EXAMPLES / "gallery"
MAKE = example("gallery/make")
ENTRIES = MAKE.ENTRIES


def test_every_family_is_in_it():
    assert {e.spec for e in ENTRIES} == {path.stem for path in (ROOT / "specs").glob("*.arch")}
    files = [e.file for e in ENTRIES]
    assert len(files) == len(set(files))
    assert {p.name for p in FOLDER.iterdir() if p.is_file()} == {*files, "README.md", "make.py"}
    assert sum((FOLDER / name).stat().st_size for name in files) < 1_500_000


def test_its_page_is_up_to_date():
    assert (FOLDER / "README.md").read_text("utf-8") == MAKE.readme()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.file)
def test_its_pictures_are_up_to_date(entry, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    arguments = entry.arguments
    arguments[2] = str(tmp_path / entry.file)
    program(["render"])(arguments, standalone_mode=False)
    made = (tmp_path / entry.file).read_text("utf-8")
    assert made == (FOLDER / entry.file).read_text("utf-8"), "`make gallery` draws it anew"
