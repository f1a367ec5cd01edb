"""Findings in the formats of other programs: a line each, JSON lines, GitHub's, SARIF."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Any

from archlang.diagnostic import CODES, Diagnostic, Fix
from archlang.source import Edit, Span, shown_path

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "hint": "note"}
_COMMANDS = {"error": "error", "warning": "warning", "hint": "notice"}


class CheckFormat(StrEnum):
    """How findings are told."""

    full = "full"
    concise = "concise"
    json = "json"
    json_lines = "json-lines"
    github = "github"
    sarif = "sarif"

    @property
    def is_data(self) -> bool:
        """Whether nothing but the findings may be printed."""
        return self not in (CheckFormat.full, CheckFormat.concise)


def concise(found: Iterable[Diagnostic]) -> Iterator[str]:
    """``net.arch:4:57: error[A201]: shape assertion failed``, a line each."""
    for d in found:
        label = f" ({d.label})" if d.label else ""
        yield f"{_file(d.span)}:{_point(d.span)}: {d.severity}[{d.code}]: {d.message}{label}"


def json_lines(found: Iterable[Diagnostic]) -> Iterator[str]:
    """A JSON object a line, each as in ``--format json``."""
    import json  # which what is for people does without

    for d in found:
        yield json.dumps(d.to_json(), ensure_ascii=False)


def github(found: Iterable[Diagnostic]) -> Iterator[str]:
    """Workflow commands: GitHub shows each beside the line that it is about."""
    for d in found:
        line, column = d.span.source.position(d.span.start)
        end_line, end_column = d.span.source.position(d.span.end)
        place = {"file": _file(d.span), "line": line, "endLine": end_line, "col": column}
        if end_line == line:  # columns of several lines mean nothing there
            place["endColumn"] = max(end_column, column + 1)
        place["title"] = d.code
        properties = ",".join(f"{k}={_escaped(str(v), ':,')}" for k, v in place.items())
        yield f"::{_COMMANDS[d.severity]} {properties}::{_escaped(_whole(d))}"


def _escaped(text: str, more: str = "") -> str:
    for mark in ("%", "\r", "\n", *more):
        text = text.replace(mark, f"%{ord(mark):02X}")
    return text


def _whole(d: Diagnostic) -> str:
    """All that is said of a finding, a line each."""
    head = f"{d.message}: {d.label}" if d.label else d.message
    helps = [d.help] if d.help else [f.text for f in d.fixes]
    return "\n".join([head, *d.notes, *(f"help: {h}" for h in helps)])


def sarif(found: Sequence[Diagnostic]) -> Iterator[str]:
    """A log of SARIF 2.1.0, with the rules that it has results of."""
    import json

    from archlang import __version__

    codes = sorted({d.code for d in found})
    driver = {
        "name": "archlang",
        "semanticVersion": __version__,
        "rules": [_rule(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "utf16CodeUnits",
        "originalUriBaseIds": {"ROOT": {"uri": f"{Path.cwd().as_uri()}/"}},
        "results": [_result(d, codes) for d in found],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    yield json.dumps(log, indent=2, ensure_ascii=False)


def _rule(code: str) -> dict[str, Any]:
    return {
        "id": code,
        "shortDescription": {"text": CODES[code]},
        "help": {"text": f"`archlang explain {code}` says what it means."},
    }


def _result(d: Diagnostic, codes: Sequence[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": d.code,
        "ruleIndex": codes.index(d.code),
        "level": _LEVELS[d.severity],
        "message": {"text": _whole(d)},
        "locations": [{"physicalLocation": _location(d.span)}],
    }
    if d.related:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _location(n.span), "message": {"text": n.text}}
            for number, n in enumerate(d.related)
        ]
    if d.fixes:
        result["fixes"] = [_fix(fix) for fix in d.fixes]
    return result


def _fix(fix: Fix) -> dict[str, Any]:
    files: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        files.setdefault(edit.span.source.name, []).append(edit)
    changes = [
        {
            "artifactLocation": _artifact(edits[0].span),
            "replacements": [
                {"deletedRegion": _region(e.span), "insertedContent": {"text": e.text}}
                for e in edits
            ],
        }
        for edits in files.values()
    ]
    return {"description": {"text": fix.text}, "artifactChanges": changes}


def _location(span: Span) -> dict[str, Any]:
    return {"artifactLocation": _artifact(span), "region": _region(span)}


def _artifact(span: Span) -> dict[str, str]:
    from urllib.parse import quote

    path = PurePath(_file(span))
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": "ROOT"}


def _region(span: Span) -> dict[str, int]:
    line, column = span.source.editor_position(span.start)
    end_line, end_column = span.source.editor_position(span.end)
    return {
        "startLine": line + 1, "startColumn": column + 1,
        "endLine": end_line + 1, "endColumn": end_column + 1,
    }  # fmt: skip


def _file(span: Span) -> str:
    return shown_path(span.source.name)


def _point(span: Span) -> str:
    line, column = span.source.position(span.start)
    return f"{line}:{column}"


LINES: dict[CheckFormat, Callable[[Sequence[Diagnostic]], Iterator[str]]] = {
    CheckFormat.concise: concise,
    CheckFormat.json_lines: json_lines,
    CheckFormat.github: github,
    CheckFormat.sarif: sarif,
}
"""The formats that are lines about findings and nothing else."""
