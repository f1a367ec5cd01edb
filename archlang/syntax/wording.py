"""What a syntax error is called: what was met, and what could have stood there, in words."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from lark import Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from archlang.diagnostic import Diagnostic, Fix
from archlang.source import Edit, Source, Span
from archlang.spelling import nearest, one_slip
from archlang.syntax.branches import divided
from archlang.syntax.habits import BODIES, LOOKS, habit, lookalikes
from archlang.syntax.indented import braced
from archlang.syntax.letters import of_a_name, respelt, word_at
from archlang.syntax.misspelt import misspelt
from archlang.syntax.stray import stray

_WORDS = {
    "NAME": "a name", "NUMBER": "a number", "SIZE": "a size such as 3x3", "STRING": "a string",
    "TRUTH": "`true` or `false`", "TIMES": "`x`", "_ARROW": "`->`", "_BAR": "`|`",
    "_LB": "`{`", "_RB": "`}`", "_LS": "`[`", "_RS": "`]`", "_LP": "`(`", "_RP": "`)`",
    "_COMMA": "`,`", "_ELSE": "`else`", "_SEP": "the end of the line",
    "$END": "the end of the file",
    "EQUAL": "`=`", "_COLON": "`:`", "SHARED": "`shared`", "AUX": "`aux`", "INPUT": "`input`",
    "OUTPUT": "`output`", "REQUIRE": "`require`", "LET": "`let`", "NOT": "`not`", "OR": "`or`",
    "AND": "`and`", "COMPARE": "a comparison", "PLUS": "`+`", "MINUS": "`-`", "POWER": "`**`",
    "TIMES_OP": "`*`", "REST": "`...`", "UNKNOWN": "`?`",
}  # fmt: skip
_GROUPS: tuple[tuple[str, frozenset[str]], ...] = (
    (
        "a value",
        frozenset({"NUMBER", "SIZE", "TRUTH", "NAME", "STRING", "_LP", "_LS", "MINUS", "NOT"}),
    ),
    ("a value", frozenset({"NUMBER", "SIZE", "TRUTH", "NAME", "STRING", "_LP", "_LS", "MINUS"})),
    (
        "an operator",
        frozenset({"PLUS", "MINUS", "TIMES_OP", "POWER", "COMPARE", "AND", "OR", "_IF"}),
    ),
    ("`block`, `model`, `let`, `use`", frozenset({"_BLOCK", "_MODEL", "LET", "_USE"})),
    (
        "a statement",
        frozenset({"NAME", "_IF", "_FOR", "SHARED", "AUX", "INPUT", "OUTPUT", "REQUIRE", "LET"}),
    ),
    ("a layer", frozenset({"NAME", "_LB"})),
)


def explained(source: Source, error: UnexpectedInput) -> Diagnostic:
    """One sentence for what the parser met, and what it could have gone on with."""
    text = source.text
    at = min(error.pos_in_stream or 0, len(text))
    if isinstance(error, UnexpectedCharacters):
        if text[at] == '"':
            end = text.find("\n", at)
            span = Span(source, at, len(text) if end < 0 else end)
            return Diagnostic("A102", "a string is not closed on its line", span, "opened here")
        return _no_word(source, at, frozenset(error.allowed or ()))
    assert isinstance(error, UnexpectedToken)
    return _unexpected(source, error.token, at, frozenset(error.expected or ()))


def _no_word(source: Source, at: int, names: frozenset[str]) -> Diagnostic:
    """What is said of a character that no word of the language has."""
    span = Span(source, at, at + 1)
    mark = span.text
    if mark in LOOKS:
        fix = lookalikes(source, at)
        label = f"write `{LOOKS[mark]}`" if LOOKS[mark].strip() else "leave it out"
        return Diagnostic("A101", f"`{mark}` has no meaning here", span, label, fixes=(fix,))
    if found := _habit(source, at, names):
        return found
    if not of_a_name(mark):
        return Diagnostic("A101", f"`{mark}` has no meaning here", span, _expected(names))
    word = word_at(source, at)
    other = respelt(source, word.text)
    message, label = f"`{word.text}` is no name", "names are of the letters a to z, digits and `_`"
    return Diagnostic("A101", message, word, label, fixes=(other,) if other else ())


def _bodiless(source: Source, found: Diagnostic, names: frozenset[str]) -> Diagnostic:
    """The same where a body is what is missing, with the edits that make one of what is there."""
    headed = bool(found.fixes) and "_MODEL" in names  # another word than those that begin items
    open_ = "_LB" in names or source.text[: found.span.start].rstrip().endswith(":")
    fix = braced(source, found.span.start) if headed or (open_ and not found.fixes) else None
    if fix is None:
        return found
    if headed:
        edits = (*found.fixes[0].edits, *fix.edits)
        return replace(found, fixes=(replace(found.fixes[0], edits=edits),))
    return replace(found, label=BODIES, fixes=(fix,))


def _habit(source: Source, at: int, names: frozenset[str]) -> Diagnostic | None:
    """What is said of what another language would read."""
    found = habit(source, at, names)
    if found is None:
        return None
    span, says, fix = found
    message = f"`{span.text.strip()}` cannot stand here"
    return Diagnostic("A101", message, span, says, fixes=(fix,) if fix else ())


def _unexpected(source: Source, token: Token, at: int, names: frozenset[str]) -> Diagnostic:
    """What is said of a word or mark that cannot stand where it does."""
    expected = _expected(names)
    text, shown = source.text, token.strip()
    lead = len(token) - len(token.lstrip())
    word = shown.split()[0] if shown and not shown.startswith("#") else ""
    if word in _CLOSERS and (open_ := _OPEN_END.search(_bare(text[: at + len(token)]))):
        span = Span(source, open_.start(1), open_.end(1))
        nothing = Diagnostic("A101", f"nothing comes behind `{span.text}`", span, expected)
        return _habit(source, span.start, names) or nothing
    if told := stray(source, at + lead) or divided(source, at + lead):
        return told
    found = _habit(source, at + lead, names)
    sure = found is not None and any(f.safe for f in found.fixes)
    if not sure and (told := misspelt(source, at + lead)):
        return told
    if found:
        return _bodiless(source, found, names)
    if token.type == "$END":
        end = len(text.rstrip())
        span = Span(source, max(end - 1, 0), end)
        return Diagnostic("A101", "the spec ends too early", span, expected)
    if not word:
        early = Diagnostic("A101", "the line ends too early", Span(source, at, at), expected)
        if "_LB" in names and text.startswith("{", at + lead):
            up = Edit(Span(source, at, at + lead), " ")
            fixes = (Fix("write `{` on this line", (up,), safe=True),)
            return replace(early, label="the `{` below belongs here", fixes=fixes)
        return _bodiless(source, early, names)
    span = Span(source, at + lead, at + lead + len(word))
    message = f"`{word}` cannot stand here"
    if word == "=" and (arrow := _LABELLED.search(text[: span.start])):
        begins = Edit(Span(source, arrow.start(), arrow.end()), ";")
        fixes = (Fix("begin a statement with the label", (begins,)),)
        return Diagnostic("A101", message, span, "a label begins a statement", fixes=fixes)
    could = [t.lower().lstrip("_") for t in sorted(names & _KEYWORDS)]
    guess = nearest(word, could) or next((w for w in could if one_slip(word, w)), None)
    if guess is not None:
        fixes = (Fix(f"write `{guess}`", (Edit(span, guess),), safe=True),)
        return Diagnostic("A101", message, span, expected, help=f"did you mean `{guess}`?",
                          fixes=fixes)  # fmt: skip
    return Diagnostic("A101", message, span, _hint(word, token.type, names, expected))


_LABELLED = re.compile(r"[ \t]*->(?=[ \t]*\w+(\[[^\]\n]*\])?[ \t]*$)")
"""An arrow with a label behind it, where `=` is to follow."""
_KEYWORDS = frozenset({"_BLOCK", "_MODEL", "LET", "_USE", "_IN"})
_VALUES = frozenset({"NUMBER", "SIZE", "TRUTH", "NAME", "STRING"})


def _hint(word: str, kind: str, names: frozenset[str], expected: str) -> str:
    """What is likely missing, or meant; else what is ``expected``."""
    if word.startswith("//"):
        return "a comment begins with `#`"
    if word == "=" and "COMPARE" in names:
        return "to compare, write `==`"
    if not expected and kind in _VALUES and "_COMMA" in names:
        return "is a `,` missing before this?"
    return expected


_CLOSERS = frozenset({"}", ")", "]"})
_OPEN_END = re.compile(r"(->|\||=|[-+*/%]|\b(?:and|or|not|in|else|x))[\s;]*[})\]]$")


def _bare(text: str) -> str:
    """A text without its comments, every place where it was."""
    return re.sub(r"#[^\n]*", lambda m: " " * len(m.group()), text)


def _expected(terminals: Any) -> str:
    """``expected …`` in words, or nothing where too much could follow."""
    left = set(terminals or ())
    words: list[str] = []
    for word, group in _GROUPS:
        if len(group) > 1 and group <= left:
            words.append(word)
            left -= group
    words.extend(_WORDS.get(t, f"`{t.lower().lstrip('_')}`") for t in sorted(left))
    words = list(dict.fromkeys(words))
    if not words or len(words) > 6:
        return ""
    return "expected " + (", ".join(words[:-1]) + " or " if words[1:] else "") + words[-1]
