"""What a project's pyproject.toml says of limits, and how it is told what is wrong there."""

from __future__ import annotations

from pathlib import Path

import pytest

from archlang.limits import NAMES, Limits, current
from tests.cli.following import following
from tests.diagnostics.test_limits import BEYOND

LONG = "model m {\n  input x: [3]\n  relu x 20\n}\n"
FINDINGS = "".join(f"let a{i} = b{i}\n" for i in range(10))


def project(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text)


@pytest.mark.parametrize("name", list(NAMES))
def test_each_limit_of_a_project_holds(run, spec, tmp_path, name):
    least, text = BEYOND.get(name, (3, FINDINGS))
    path = spec(text)
    project(tmp_path, f"[tool.archlang.limits]\n{name} = {least}\n")
    done = run("check", path)
    assert done.code == 1
    assert "[A001]" in done.out
    assert f"`{name} = " in done.out
    project(tmp_path, "")
    assert "[A001]" not in run("check", path).out
    assert current() == Limits()


def test_the_environment_goes_first(run, spec, tmp_path, monkeypatch):
    path = spec(LONG)
    project(tmp_path, "[tool.archlang.limits]\nlayers = 10\nsteps = 5\n")
    assert run("check", path).code == 1
    monkeypatch.setenv("ARCHLANG_LIMITS", "layers=30,steps=1000")
    assert run("check", path).code == 0
    monkeypatch.setenv("ARCHLANG_LIMITS", "layers=30")
    assert "the limit is `steps`" in run("check", path).out


def test_every_command_goes_by_it(run, spec, tmp_path):
    path = spec(LONG)
    project(tmp_path, "[tool.archlang.limits]\nlayers = 10\n")
    for command in ("summary", "sizes", "memory", "receptive"):
        done = run(command, path)
        assert done.code == 1, command
        assert "the limit is `layers`" in done.err


def test_each_spec_goes_by_its_own_project(run, spec, tmp_path):
    for name, most in (("a", 10), ("b", 100)):
        (tmp_path / name).mkdir()
        project(tmp_path / name, f"[tool.archlang.limits]\nlayers = {most}\n")
    a, b = spec(LONG, "a/net.arch"), spec(LONG, "b/net.arch")
    for files in ((a, b), (b, a)):
        done = run("check", *files)
        assert done.out.count("error[") == 1
        assert f"--> {a}" in done.out
        assert f"{b}: m ok" in done.out


WRONG = [
    ("[tool.archlang.limits]\n\nlayrs = 3\n", 3, "no limit `layrs`", "mean `layers`?"),
    ("[tool.archlang.limits]\nx = 3\n", 2, "no limit `x`", "there are characters, line"),
    ("[tool.archlang]\nlimits.layers = 0\n", 2, "a whole number from 1, not 0", ""),
    ('[tool.archlang]\nlimits = {layers = "9"}\n', 2, 'a whole number from 1, not "9"', ""),
    ("[tool.archlang.limits]\nlayers = true\n", 2, "a whole number from 1, not true", ""),
    ("[tool.archlang.limits]\nlayers = 1.5\n", 2, "a whole number from 1, not 1.5", ""),
    ("[tool.archlang.limits]\nnesting = 99\n", 2, "at most 80, not 99", "Python's own stack"),
    ("[tool.archlang]\nlimits = 5\n", 2, "`limits` is not a table", "[tool.archlang.limits]"),
    ("[tool.archlang]\n\n\nlimit = 5\n", 4, "no key `limit`", "mean `limits`?"),
    ("[tool.archlang]\nselect = [\n 'A305',\n 5]\n", 2, "takes a list of codes", '["A303"]'),
    ("[tool.archlang]\nignore = ['A9']\n", 2, "no lint has a code like `A9`", "archlang rules"),
    ("[tool]\narchlang = 5\n", 2, "`archlang` is not a table", "[tool.archlang]"),
]


@pytest.mark.parametrize(("text", "line", "said", "hint"), WRONG)
def test_what_is_wrong_is_shown_where_it_is(run, spec, tmp_path, text, line, said, hint):
    project(tmp_path, text)
    done = run("check", spec(LONG))
    assert (done.code, done.out) == (2, "")
    first, shown, *rest = done.err.splitlines()
    assert first.startswith(f"error: {tmp_path / 'pyproject.toml'}:{line}: ")
    assert said in first
    assert shown == f"{line} | {text.splitlines()[line - 1]}"
    assert hint in "".join(rest)


def test_the_environment_is_wrong(run, spec, monkeypatch):
    monkeypatch.setenv("ARCHLANG_LIMITS", "layrs=3")
    done = run("check", spec(LONG))
    assert (done.code, done.err) == (
        2,
        "error: ARCHLANG_LIMITS: there is no limit `layrs`\nhelp: did you mean `layers`?\n",
    )


def test_what_a_project_says_is_watched(tmp_path):
    (tmp_path / "net.arch").write_text(LONG)
    project(tmp_path, "[tool.archlang.limits]\nlayers = 10\n")
    with following(tmp_path, "check", "net.arch", "--watch") as run:
        run.times(1)
        assert "error[A001]" in run.out
        project(tmp_path, "[tool.archlang.limits]\nlayers = 100\n")
        run.times(2)
        assert "m ok" in run.out
