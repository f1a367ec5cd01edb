"""`explain` and `rules`."""

import json

import pytest

from archlang.diagnostic import CODES
from archlang.rules import rule


def test_explain(run):
    done = run("explain", "a203")
    assert (done.code, done.out) == (0, rule("A203").text)
    data = json.loads(run("explain", "A203", "--format", "json").out)
    assert data["severity"] == "error"
    assert "residual" in data["found"]


def test_explain_on_a_terminal(run, monkeypatch):
    monkeypatch.setattr("archlang.cli.explain.use_color", lambda stream: True)
    done = run("explain", "A203")
    assert "```" not in done.out
    assert "residual" in done.out


UNKNOWN = [
    ("A2034", "did you mean `A20"),
    ("203", "did you mean `A203`"),
    ("E305", "did you mean `A305`"),
    ("A201-A9", "as in `A201-A204`"),
    ("stride", "it is in A305: a stride larger than the kernel"),
    ("`?`", "archlang rules"),
    ("zzz", "archlang rules"),
    ("", "archlang rules"),
]


@pytest.mark.parametrize(("given", "hint"), UNKNOWN)
def test_explain_an_unknown_code(run, given, hint):
    done = run("explain", given)
    assert (done.code, done.out) == (2, "")
    assert f"there is no code `{given}`" in done.err
    assert hint in done.err


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ("a21", ["A210", "A211", "A212", "A213"]),
        ("A201-a203", ["A201", "A202", "A203"]),
        ("A301-A301", ["A301"]),
        ("A", sorted(CODES)),
    ],
)
def test_explain_several(run, given, codes):
    done = run("explain", given)
    assert done.code == 0
    assert [line[2:6] for line in done.out.splitlines() if line.startswith("# A")] == codes
    told = json.loads(run("explain", given, "--format", "json").out)
    assert [page["code"] for page in told] == codes


def test_rules(run):
    lines = run("rules").out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == sorted(CODES)
    assert {r["code"] for r in json.loads(run("rules", "--format", "json").out)} == set(CODES)
