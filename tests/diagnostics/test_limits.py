"""Every limit: what is within it is taken; beyond it is one finding that says how to go on."""

from __future__ import annotations

from dataclasses import fields

import pytest

import archlang
from archlang.limits import NAMES, LimitError, Limits, advice, current, using
from tests.elaborate.checks import error, model

BEYOND = {
    "characters": (300, model("relu\n" * 60)),
    "line": (60, model("relu" + " -> relu" * 20)),
    "nesting": (5, model("{" * 6 + "relu" + "}" * 6)),
    "depth": (4, model("b3", before="".join(
        f"block b{i} {{ {{ {f'b{i - 1}' if i else 'relu'} }} }}\n" for i in range(4)))),
    "calls": (3, model("let f0(a) = a; let f1(a) = f0(a); let f2(a) = f1(a); let f3(a) = f2(a);"
                       "linear(f3(2), axis=0)")),
    "layers": (10, model("relu x 5 -> relu x 5 -> relu x 5")),
    "steps": (50, model("for i in range(60) { }")),
    "list": (20, model("linear(len(range(30)), axis=0)")),
    "items": (90, model("let a = [range(20) for i in range(9)]; linear(len(a), axis=0)")),
    "bits": (20, model("linear(2**30 // 2**28, axis=0)")),
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in NAMES if n != "findings"])
def test_beyond_a_limit_and_within_it(name: str) -> None:
    least, text = BEYOND[name]
    archlang.loads(text)
    with using(**{name: least}):
        found = error(text)
        assert found.code == "A001"
        assert f"ARCHLANG_LIMITS={name}=" in found.help
        assert f"`{name} = " in found.help
    archlang.loads(text)


def test_what_the_message_says_to_do_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    text = model("relu x 60_000".replace("_", ""))
    said = next(word for word in error(text).help.split("`") if "ARCHLANG" in word)
    name, _, value = said.partition("=")
    monkeypatch.setenv(name, value)
    assert archlang.loads(text).outputs == {"output": (3, 8, 8)}


def test_lists_take_no_memory_beyond_the_limit() -> None:
    text = model("let a = [range(100000) for i in range(100000)]; linear(len(a), axis=0)")
    assert "4,000,000 values" in error(text).message


def test_findings_are_counted_beyond_the_limit(run_check) -> None:  # type: ignore[no-untyped-def]
    with using(findings=3):
        found = run_check("".join(f"let a{i} = b{i}\n" for i in range(10)))
    assert [d.severity for d in found] == ["error"] * 3 + ["hint"]
    assert found[-1].message == "7 more findings are not shown"


@pytest.fixture
def run_check(tmp_path):  # type: ignore[no-untyped-def]
    from archlang.cli.check import check_file

    def run(text: str) -> list[archlang.Diagnostic]:
        path = tmp_path / "net.arch"
        path.write_text(text)
        return check_file(str(path), None, None, None).found

    return run


WRONG = ["layrs=3", "layers", "layers=many", "layers=0", "nesting=5000"]


@pytest.mark.parametrize("text", WRONG)
def test_limits_that_cannot_be_set(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ARCHLANG_LIMITS", text)
    with pytest.raises(LimitError):
        current()


def test_the_environment_and_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHLANG_LIMITS", " layers=7, steps=1_000 ")
    assert current() == Limits(layers=7, steps=1000)
    with using(layers=8) as limits:
        assert limits == current() == Limits(layers=8, steps=1000)
    assert current().layers == 7


def test_as_deep_as_can_be_set_is_no_crash() -> None:
    """Python's own stack holds what the limits allow at most."""
    most = {f.name: f.metadata["most"] for f in fields(Limits) if f.metadata["most"]}
    with using(**most):
        assert advice("nesting") == ""
        deep = "relu"
        for _ in range(most["nesting"] - 2):
            deep = f"residual {{ {deep} }}"
        archlang.loads(model(deep))
        functions = "; ".join(
            ["let f0(a) = a"]
            + [f"let f{i + 1}(a) = f{i}({'(' * 30}a{')' * 30})" for i in range(most["calls"] - 1)]
        )
        archlang.loads(model(f"{functions}; linear(f{most['calls'] - 1}(2), axis=0)"))
