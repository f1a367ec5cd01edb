"""Text that is too long, too deep or no text: an error or a tree, and soon."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import archlang
from archlang.diagnostic import ArchError
from archlang.source import Source
from archlang.syntax.parser import parse, parse_expression

SECONDS = 10.0  # two are promised; a busy machine may need more


@pytest.fixture(autouse=True)
def _soon() -> Iterator[None]:
    parse(Source("warm", "model m { relu }"))
    started = time.process_time()
    yield
    assert time.process_time() - started < SECONDS


def model(line: str) -> str:
    return f"model m {{\ninput x: [3]\n{line}\n}}"


DEEP = {
    "braces": model("{" * 10_000 + "relu" + "}" * 10_000),
    "merges": model("add {" * 10_000 + "relu" + "}" * 10_000),
    "braces that stay open": model("{" * 10_000),
    "closing braces": model("}" * 10_000),
    "parentheses": model("let a = " + "(" * 5_000 + "1" + ")" * 5_000),
    "brackets": model("let a = " + "[" * 5_000 + "]" * 5_000),
    "indices": model("let a = " + "b[" * 5_000 + "0" + "]" * 5_000),
    "calls": model("let a = " + "f(" * 5_000 + "0" + ")" * 5_000),
    "a line of a million characters": model("relu -> " * 125_000 + "relu"),
    "a million characters of a name": model("a" * 1_000_000),
    "a comment of a million characters": model("# " + "a" * 1_000_000),
    "a string of a million characters": model(f'require true : "{"a" * 1_000_000}"'),
    "a million digits": model("let a = " + "1" * 1_000_000),
    "a thousand digits": model("let a = " + "1" * 1_000),
    "an exponent": model("let a = 1e999999999"),
    "digits of a size": model(f"conv({'9' * 5000}x3, 4)"),
    "nine million characters": "# a\n" * 2_250_000,
    "nul": "model m { \0 }",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_beyond_a_limit_is_an_error(text: str) -> None:
    with pytest.raises(ArchError) as caught:
        parse(Source("text", text))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code in ("A001", "A002", "A102")
    assert len(diagnostic.message) < 200
    assert len(str(caught.value)) < 2_000


LONG = {
    "a sum": "let a = " + "+".join(["1"] * 9_900),
    "minus signs": "let a = " + "-" * 9_000 + "1",
    "nots": "let a = " + "not " * 4_000 + "true",
    "powers": "let a = " + "**".join(["1"] * 6_000),
    "conditions": "let a = " + "1 if true else " * 1_200 + "1",
    "a chain of comparisons with and": "let a = " + " and ".join(["true"] * 2_000),
    "a list": f"let a = [{','.join(['1'] * 9_000)}]",
    "a chain": " -> ".join(["relu"] * 2_000),
    "statements": "relu\n" * 5_000,
    "many else if": "if false { relu } " + "else if false { tanh } " * 800,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG.keys())
def test_long_texts_are_read_or_refused(text: str) -> None:
    try:
        network = archlang.loads(model(f"{text}\nrelu"))
    except ArchError as error:
        codes = {d.code for d in error.diagnostics}
    else:
        codes = {"A001"}
        assert network.outputs == {"output": (3,)}
    assert codes == {"A001"}


def test_a_sum_of_ten_thousand_terms_by_itself() -> None:
    code = "A001"
    try:
        parse_expression(Source("text", "+".join(["1"] * 10_000)))
    except ArchError as error:
        code = error.diagnostics[0].code
    assert code == "A001"


def test_an_empty_file_defines_nothing(tmp_path: Path) -> None:
    for text in ("", "\n", "# only a comment", "\n\n  \n# a\n\n", "\ufeff"):
        path = tmp_path / "empty.arch"
        path.write_text(text, encoding="utf-8")
        with pytest.raises((archlang.ArchError, archlang.ModelChoiceError)):
            archlang.load(path)
    assert parse(Source("text", "")).items == []


@pytest.mark.parametrize(
    "data", [b"\x00\x01\x02", b"\xff\xfe\x00m", b"\x80model", bytes(range(256))]
)
def test_a_binary_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "binary.arch"
    path.write_bytes(data)
    with pytest.raises(ArchError) as caught:
        archlang.load(path)
    assert [d.code for d in caught.value.diagnostics] == ["A002"]


def test_a_large_file_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.arch"
    with path.open("wb") as file:
        file.truncate(40_000_000)
    with pytest.raises(ArchError) as caught:
        archlang.load(path)
    assert caught.value.diagnostics[0].code in ("A001", "A002")


def test_a_mark_of_byte_order_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "marked.arch"
    path.write_text(model("relu"), encoding="utf-8-sig")
    assert archlang.load(path).outputs == {"output": (3,)}
