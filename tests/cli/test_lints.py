"""Lints as `check` tells them, and what a project says of them."""

import json

ODD = "model m {\n  input x: [3, 33, 33]\n  conv(1x1, 8, stride=2) -> bn\n}\n"


def test_warnings_do_not_fail(run, spec):
    done = run("check", spec(ODD))
    assert done.code == 0
    assert "warning[A301]" in done.out
    assert "warning[A305]" in done.out
    assert "m ok:" in done.out


def test_options_choose(run, spec):
    path = spec(ODD)
    assert "A305" not in run("check", path, "--ignore", "A305").out
    assert "A301" not in run("check", path, "--select", "A305,A306").out
    done = run("check", path, "--select", "A2")
    assert done.code == 2
    assert "no lint has a code like `A2`" in done.err


def test_a_project_chooses(run, spec, tmp_path):
    path = spec(ODD)
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.archlang]\nignore = ["A305"]\n')
    assert "A305" not in run("check", path).out
    project.write_text('[tool.archlang]\nselect = ["A305"]\n')
    assert "A301" not in run("check", path).out
    assert "A301" in run("check", path, "--select", "all").out
    for text, said in (
        ('[tool.archlang]\nignored = ["A305"]\n', "did you mean `ignore`?"),
        ("[tool.archlang]\nignore = 5\n", "takes a list of codes"),
        ("[tool]\narchlang = 5\n", "is not a table"),
        ("[tool.archlang\n", "is not TOML"),
        ('[tool.archlang]\nignore = ["A9"]\n', "no lint has a code like `A9`"),
    ):
        project.write_text(text)
        done = run("check", path)
        assert done.code == 2, text
        assert said in done.err


def test_as_data(run, spec):
    data = json.loads(run("check", spec(ODD), "--format", "json").out)
    assert {(d["code"], d["severity"]) for d in data["diagnostics"]} == {
        ("A301", "warning"),
        ("A305", "warning"),
    }
    assert data["models"]


def test_nothing_is_said_of_a_spec_that_is_wrong(run, spec):
    done = run("check", spec(ODD.replace("bn", "bm")))
    assert done.code == 1
    assert "A305" not in done.out
