"""Specs that use other files, and the standard library."""

from __future__ import annotations

from pathlib import Path

import pytest

import archlang
from archlang.elaborate.files import standard_library

B = "block b(c) { conv(1x1, c) }\n"
M = "model m { input image: [3, 8, 8]; b(4) }\n"


def write(folder: Path, **files: str) -> Path:
    """Files of a folder; the path of the first."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.arch"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / f"{next(iter(files))}.arch"


def refused(path: Path) -> list[archlang.Diagnostic]:
    with pytest.raises(archlang.ArchError) as caught:
        archlang.load(path)
    for diagnostic in caught.value.diagnostics:
        diagnostic.render()
    return list(caught.value.diagnostics)


GOOD = [
    {"main": f'use "parts.arch"\n{M}', "parts": B},
    {"main": f'use "parts"\n{M}', "parts": B},
    {"main": f'use "sub/parts.arch"\n{M}', "sub__parts": B},
    {"main": f'use "sub/parts"\n{M}', "sub__parts": f'use "inner.arch"\n{B}', "sub__inner": ""},
    {"main": f'use "sub/parts.arch"\n{M}', "sub__parts": f'use "../up.arch"\n{B}', "up": ""},
    {"main": f'use "parts.arch"\n{M}', "parts": "let n = 0\nblock b(c) { conv(1x1, c + n) }"},
    {"main": f'use "parts.arch"\n{M}',
     "parts": "block inner(c) { conv(1x1, c) }\nblock b(c) { inner(c) }"},
    {"main": 'use "p.arch"\nblock b(c) { conv(1x1, twice(c)/2) }\n' + M,
     "p": "let twice(a) = 2*a"},
    # a file that two others use is read once
    {"main": f'use "one.arch"\nuse "two.arch"\n{M}',
     "one": 'use "three.arch"\nblock b(c) { d(c) }', "two": 'use "three.arch"\n',
     "three": "block d(c) { conv(1x1, c) }"},
    # its models stay its own
    {"main": f'use "parts.arch"\n{M}', "parts": B + "model m { input x: [7]; relu }"},
]  # fmt: skip


@pytest.mark.parametrize("files", GOOD)
def test_files_that_use_others(tmp_path: Path, files: dict[str, str]) -> None:
    network = archlang.load(write(tmp_path, **files))
    assert network.outputs == {"output": (4, 8, 8)}
    assert network.totals.params == 16


WRONG = [
    ({"main": f'use "nowhere.arch"\n{B}{M}'}, "A107", "nowhere.arch"),
    ({"main": f'use "main.arch"\n{B}{M}'}, "A107", "main.arch"),
    ({"main": f'use "one.arch"\n{B}{M}', "one": 'use "main.arch"'}, "A107", "→"),
    ({"main": f'use "one.arch"\n{B}{M}', "one": 'use "two.arch"', "two": 'use "one.arch"'},
     "A107", "→"),
    ({"main": f'use "/etc/hostname"\n{B}{M}'}, "A107", "relative"),
    ({"main": f'use "std/nothing"\n{B}{M}'}, "A107", "std/nothing"),
    ({"main": f'use "std/../resnet"\n{B}{M}'}, "A107", ""),
    ({"main": f'use "parts.arch"\n{B}{M}', "parts": B}, "A106", "`b`"),
    ({"main": f'use "parts.arch"\n{M}', "parts": "block b(c) { conv(1x1, c }"}, "A102", ""),
    ({"main": f'use "parts.arch"\n{M}', "parts": "block b(c) { conv(2x2, c) }"}, "A207", ""),
    ({"main": f'{B}{M}use ""\n'}, "A107", ""),
]  # fmt: skip


@pytest.mark.parametrize(("files", "code", "says"), WRONG)
def test_files_that_cannot_be_used(
    tmp_path: Path, files: dict[str, str], code: str, says: str
) -> None:
    (found,) = refused(write(tmp_path, **files))
    assert found.code == code
    assert says in found.message


def test_a_mistake_in_a_used_file_is_shown_there(tmp_path: Path) -> None:
    path = write(tmp_path, main=f'use "parts.arch"\n{M}', parts="block b(c) { conv(2x2, c) }")
    (found,) = refused(path)
    assert found.span.source.name.endswith("parts.arch")
    assert found.span.text == "2x2"
    assert any("main.arch" in note for note in found.notes)


def test_values_of_a_used_file_are_its_own(tmp_path: Path) -> None:
    """``use`` brings in blocks and functions; what those see stays with them."""
    parts = "let n = 4\nblock d { conv(1x1, n) }"
    path = write(tmp_path, main='use "parts.arch"\nlet n = 5\nmodel m { input x: [3, 8, 8]; d }',
                 parts=parts)  # fmt: skip
    assert archlang.load(path).outputs == {"output": (4, 8, 8)}


def test_a_directory_is_no_spec(tmp_path: Path) -> None:
    (tmp_path / "parts.arch").mkdir()
    (found,) = refused(write(tmp_path, main=f'use "parts.arch"\n{B}{M}'))
    assert found.code == "A107"


def test_a_used_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "parts.arch").write_bytes(b"\xff\x00")
    (found,) = refused(write(tmp_path, main=f'use "parts.arch"\n{B}{M}'))
    assert found.code in ("A002", "A107")


@pytest.mark.parametrize("name", standard_library())
def test_the_standard_library_is_whole(name: str) -> None:
    network = archlang.loads(f'use "std/{name}"\nmodel m {{ input x: [3, 8, 8]; relu }}')
    assert network.outputs == {"output": (3, 8, 8)}


def test_text_can_use_the_standard_library_only(tmp_path: Path) -> None:
    with pytest.raises(archlang.ArchError) as caught:
        archlang.loads(f'use "nowhere.arch"\n{B}{M}')
    assert [d.code for d in caught.value.diagnostics] == ["A107"]


# Several models in one file


MODELS = """
block b(c) { conv(1x1, c) }
# The general one.
model net(c, depth = 1) { input image: [3, 8, 8]; b(c) x depth }
# The small one.
model small = net(4)
model deep = net(4, depth=3)
model deeper = net(c=4, depth=5)
model other = deep2(4)
"""


@pytest.mark.parametrize(("name", "params"), [("small", 16), ("deep", 56), ("deeper", 96)])
def test_models_that_stand_for_others(name: str, params: int) -> None:
    network = archlang.loads(MODELS, name)
    assert (network.name, network.totals.params) == (name, params)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (MODELS, None),
        (MODELS, "smal"),
        ("block b { relu }", None),
        ("let a = 3", None),
        (MODELS, ""),
    ],
)
def test_which_model_is_meant_must_be_clear(text: str, name: str | None) -> None:
    with pytest.raises(archlang.ModelChoiceError):
        archlang.loads(text, name)


@pytest.mark.parametrize(
    ("text", "name", "code"),
    [
        (MODELS, "other", "A103"),
        (MODELS, "net", "A104"),
        ("model a = b()\nmodel b = a()", "a", "A109"),
        ("model a = a()", "a", "A109"),
        ("model a { input x: [3]; relu }\nmodel a { input x: [3]; tanh }", "a", "A106"),
        ("model a(n) { input x: [3]; linear(n) }\nmodel b = a(3, 4)", "b", "A104"),
        ("model a(n) { input x: [3]; linear(n) }\nmodel b = a(k=4)", "b", "A104"),
    ],
)
def test_models_that_are_wrong(text: str, name: str, code: str) -> None:
    with pytest.raises(archlang.ArchError) as caught:
        archlang.loads(text, name)
    assert [d.code for d in caught.value.diagnostics] == [code]
