"""`explain` and `rules`."""

import json

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


def test_explain_an_unknown_code(run):
    done = run("explain", "A230")
    assert done.code == 2
    assert "there is no code `A230`" in done.err
    assert "archlang rules" in done.err


def test_rules(run):
    lines = run("rules").out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == sorted(CODES)
    assert {r["code"] for r in json.loads(run("rules", "--format", "json").out)} == set(CODES)
