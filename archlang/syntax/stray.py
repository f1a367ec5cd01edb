"""Statements where a chain goes on, and chains where a statement has ended.

`input`, `output`, `let` and their like begin statements of their own: `linear(10) -> output logits`
and `input image: [3, 8, 8] -> flatten` are read as other languages have them.
"""

from __future__ import annotations

import re

from archlang.diagnostic import Diagnostic, Fix
from archlang.source import Edit, Source, Span
from archlang.syntax.outline import Statements, Stretch, each_token, ended, joins, tokens

LINES = 50
"""How many lines above a place the beginning of its statement is looked for in."""
_BEFORE = 200
_WORD = r"(?P<word>input|output|require|let|aux|shared)\b"
_INSIDE = re.compile(rf"->\s*{_WORD}[ \t]+(?:x[ \t]*)?$")
_BESIDE = re.compile(rf"(?<=[^\s;{{|][ \t]){_WORD}(?=[ \t]+[\w(])")
_OWN = re.compile(rf"{_WORD}(?![ \t]*=(?!=))")
_PUT_OUT = re.compile(r"output[ \t]+(?P<name>[A-Za-z_]\w*)[ \t]*$")
_NAMES = re.compile(
    r"(?:output|aux)[ \t]+(?P<names>(?P<name>[A-Za-z_]\w*)(?:[ \t]*,[ \t]*[A-Za-z_]\w*)*)"
)
_SHAPE = re.compile(r"[ \t]*:[ \t]*\[[^\[\]\n]*\]")
_LABEL = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:\[[^\]\n]*\])?[ \t]*=(?!=)")
_ALONE = re.compile(rf"(?:^|[\n;{{|])[ \t]*{_WORD}\s*$")
_NAMELESS = re.compile(r"(?:^|[\n;{|])[ \t]*(?P<word>let)\s*=\s*$")
_ENDS = re.compile(r"->|[}|]|$")
_GIVEN = re.compile(r"(?<!\w)input[ \t]+(?P<name>[A-Za-z_]\w*)[ \t]*:")
_ARROW = re.compile(r"\s*->\s*")
_NO_CHAIN = re.compile(rf"(?:{_WORD}|if\b|for\b|else\b)(?![ \t]*=(?!=))")


FORMS = {
    "input": "an input has a name and a shape: `input image: [3, 224, 224]`",
    "output": "what comes last is the output; `output` names other tensors",
    "let": "a value has a name: `let width = 64`",
    "shared": "a network has a name: `shared tower = conv(3x3, 8) -> relu`",
    "aux": "`aux side weight=0.3` puts out in training what `side` names",
    "require": "what is required stands behind it: `require params <= 5M`",
}
"""What each statement says."""


def stray(source: Source, at: int) -> Diagnostic | None:
    """What is said where the text cannot be read at a place, if statements are run together."""
    text = source.text
    if found := _INSIDE.search(text, max(at - _BEFORE, 0), at) or _BESIDE.match(text, at):
        return _inside(source, found)
    if found := _NAMELESS.search(text, max(at - _BEFORE, 0), at):
        span = Span(source, *found.span("word"))
        return Diagnostic("A101", "a name is missing behind `let`", span, FORMS["let"])
    if found := _ALONE.search(text, max(at - _BEFORE, 0), at):
        alone = "\n" in text[found.end("word") : at] or _ENDS.match(text, at)
        shaped = found["word"] == "output" and text.startswith(":", at)
        return _alone(source, found) if alone or shaped else None
    around = statement(text, at)
    word = around and _OWN.match(text, around.start)
    if around is None or not word or word["word"] == "shared" or word.end() > at:
        return None
    named = _PUT_OUT.match(text, around.start, at)
    if around.depth == 0 and around.indent == 0:
        return None  # it stands in no body
    if text.startswith("->", at) and not (named and _last(text, around)):
        return _goes_on(source, around, at, word["word"])
    return _put_out(source, around, at, named["name"]) if named else None


def statement(text: str, at: int) -> Stretch | None:
    """The statement that a place stands in, by the lines around it; None where it is too long."""
    begin = text.rfind("\n", 0, at) + 1
    for _ in range(LINES):
        found = tokens(text, begin, at + len("->"))
        above = tokens(text, text.rfind("\n", 0, max(begin - 1, 0)) + 1, begin)
        inner = sum((t.text in "{([") - (t.text in "})]") for t in found)
        if found and inner >= 0 and not joins(above[-1:], found[0]):
            outline = Statements(trust=True)
            return ended(outline, each_token(text, begin), at, lambda s: s.end > at)
        if not begin:
            break
        begin = text.rfind("\n", 0, begin - 1) + 1
    return None


def before(text: str, at: int) -> Stretch | None:
    """The statement right before the one that a place stands in, if it is a chain."""
    own = statement(text, at)
    words = tokens(text, _above(text, own.start), own.start) if own else []
    made = statement(text, words[-1].start) if words and words[-1].text not in "{|" else None
    return None if made is None or _NO_CHAIN.match(text, made.start) else made


def named_before(span: Span, name: str) -> tuple[Edit, ...]:
    """The edit that gives a name to what the statement above a span's makes; () for none."""
    made = before(span.source.text, span.start)
    if made is None or not _unnamed(span.source.text, made):
        return ()
    return (Edit(Span(span.source, made.start, made.start), f"{name} = "),)


def _above(text: str, at: int) -> int:
    """Where the line begins that has a word in it, at a place or above it."""
    end = max(len(re.sub(r"#[^\n]*", lambda m: " " * len(m[0]), text[:at]).rstrip()), 0)
    return text.rfind("\n", 0, end) + 1


def _alone(source: Source, found: re.Match[str]) -> Diagnostic:
    """A word that begins a statement, and nothing behind it that belongs to it."""
    text, word = source.text, found["word"]
    span = Span(source, *found.span("word"))
    arrow = _ARROW.match(text, span.end)
    fixes: tuple[Fix, ...] = ()
    label = FORMS[word]
    tensor = called(text, span.start) if arrow and word == "input" else None
    if tensor:
        label = f"a tensor is called by its name: `{tensor}`"
        fixes = (Fix(f"write `{tensor}`", (Edit(span, tensor),), safe=True),)
    elif word == "output":
        fixes = without(span, arrow.end() if arrow else None)
    return Diagnostic("A101", f"`{word}` cannot stand alone", span, label, fixes=fixes)


def called(text: str, at: int) -> str | None:
    """The name of the last input above a place, in its model."""
    begin = max(
        (m.end() for m in re.finditer(r"^[ \t]*model\b", text[:at], re.MULTILINE)), default=0
    )
    names = _GIVEN.findall(text, begin, at)
    return names[-1] if names else None


def without(word: Span, until: int | None = None) -> tuple[Fix, ...]:
    """The edit that leaves a word out, with the arrow before it or, up to a place, behind it."""
    text, source = word.source.text, word.source
    start = word.start if until else _blank(text, word.start)
    if text[:start].endswith("->"):
        start = _blank(text, start - len("->"))
    edit = Edit(Span(source, start, until or word.end), " " * text.startswith(":", word.end))
    return (Fix(f"leave `{word.text}` out", (edit,), safe=True),)


def _inside(source: Source, found: re.Match[str]) -> Diagnostic:
    """A word that begins a statement, behind an arrow or behind a layer."""
    word = found["word"]
    span = Span(source, *found.span("word"))
    around = statement(source.text, span.start)
    message = f"`{word}` cannot stand {'behind `->`' if found[0] != word else 'here'}"
    edits = () if around is None else (
        _output(source, around, found) if word == "output" else _parted(source, around, found)
    )  # fmt: skip
    label = f"`{word}` begins a statement of its own"
    fixes = (Fix(f"begin a line with `{word}`", edits, safe=True),) if edits else ()
    return Diagnostic("A101", message, span, label, fixes=fixes)


def _output(source: Source, around: Stretch, found: re.Match[str]) -> tuple[Edit, ...]:
    """The edits that name what a chain makes, if it has no name, and put that out below it."""
    text = source.text
    names = _NAMES.match(text, found.start("word"))
    if names is None:
        return ()
    shape = _SHAPE.match(text, names.end())
    if (shape.end() if shape else names.end()) != around.end:
        return ()
    drop = Edit(Span(source, _blank(text, found.start()), names.end()), " " * bool(shape))
    label = _LABEL.match(text, around.start)
    put = label["name"] if label else names["names"]
    add = Edit(Span(source, around.end, around.end), f"{_line(text, around)}output {put}")
    return (*_labelled(source, around, names), drop, add)


def _labelled(source: Source, around: Stretch, names: re.Match[str]) -> tuple[Edit, ...]:
    """The edit that gives what a chain makes the one name in ``names``, if it can take that."""
    text, name = source.text, names["name"]
    known = re.compile(rf"(?<!\w){name}[ \t]*=(?!=)").search(text, 0, around.start)
    if known or names["names"] != name or not _unnamed(text, around):
        return ()
    return (Edit(Span(source, around.start, around.start), f"{name} = "),)


def _unnamed(text: str, made: Stretch) -> bool:
    """Whether a statement is a chain without a label."""
    return not (_LABEL.match(text, made.start) or _NO_CHAIN.match(text, made.start))


def _parted(source: Source, around: Stretch, found: re.Match[str]) -> tuple[Edit, ...]:
    """The edits that begin a line with a statement, and one with what follows it."""
    text, line = source.text, _line(source.text, around)
    edits = [Edit(Span(source, _blank(text, found.start()), found.start("word")), line)]
    if names := _NAMES.match(text, found.start("word")):
        edits += _labelled(source, around, names)
    end = text.find("\n", found.end())
    after = _ARROW.search(text, found.end(), len(text) if end < 0 else min(end, around.end))
    if after and found["word"] != "shared":
        edits.append(Edit(Span(source, *after.span()), line))
    return tuple(edits)


def _goes_on(source: Source, around: Stretch, at: int, word: str) -> Diagnostic | None:
    """An arrow behind a statement that no chain is part of."""
    arrow = _ARROW.match(source.text, _blank(source.text, at))
    if arrow is None or not re.match(r"[A-Za-z_{]", source.text[arrow.end() :][:1]):
        return None
    edit = Edit(Span(source, *arrow.span()), _line(source.text, around))
    fix = Fix("begin a line with what follows", (edit,), safe=word != "output")
    label = f"`{word}` is a statement of its own: the layers begin below it"
    message = "`->` cannot stand here"
    return Diagnostic("A101", message, Span(source, at, at + 2), label, fixes=(fix,))


def _put_out(source: Source, around: Stretch, at: int, name: str) -> Diagnostic | None:
    """Something that is said of an output beside its name."""
    text = source.text
    word = Span(source, around.start, around.start + len("output"))
    if shape := _SHAPE.match(text, _blank(text, at)):
        return _shaped(source, around, at, name, shape)
    if text[at] == "=":
        edits = (
            Edit(Span(source, word.start, _ahead(text, word.end)), ""),
            Edit(Span(source, around.end, around.end), f"{_line(text, around)}output {name}"),
        )
        label = "`output` takes the name of a tensor that is there"
        fix = Fix(f"name it first, then write `output {name}`", edits, safe=True)
        return Diagnostic("A101", "`=` cannot stand here", Span(source, at, at + 1), label,
                          fixes=(fix,))  # fmt: skip
    if not re.match(r"->|[({]", text[at:][:2]):
        return None
    label = "what comes last is the output; `output` takes names of tensors"
    fix = Fix("name the last layers `output`", (Edit(Span(source, word.end, word.end), " ="),))
    fixes = (fix,) if _last(text, around) else ()
    message = "`output` cannot stand before layers"
    return Diagnostic("A101", message, word, label, fixes=fixes)


def _shaped(
    source: Source, around: Stretch, at: int, name: str, shape: re.Match[str]
) -> Diagnostic:
    """A shape behind the name of an output: it is stated where the tensor is made."""
    stated = shape[0].strip().removeprefix(":").strip()
    drop = Edit(Span(source, *shape.span()), "")
    span = Span(source, at, at + 1)
    fix = Fix(f"leave `: {stated}` out", (drop,))
    made = before(source.text, at)
    if made is not None and made.colon < 0:
        add = Edit(Span(source, made.end, made.end), f" : {stated}")
        fix = Fix(f"state `: {stated}` above", (*named_before(span, name), add, drop))
    label = f"a shape is stated where a tensor is made: `{name} = … : {stated}`"
    return Diagnostic("A101", "`:` cannot stand here", span, label, fixes=(fix,))


def _last(text: str, around: Stretch) -> bool:
    """Whether a statement is the last of its body."""
    after = next(each_token(text, around.end), None)
    return after is None or after.text == "}"


def _line(text: str, around: Stretch) -> str:
    """What begins a line at the depth of a statement."""
    begin = text.rfind("\n", 0, around.start) + 1
    blank = re.compile(r"[ \t]*").match(text, begin)
    return "\n" + (blank[0] if blank else "")


def _blank(text: str, at: int) -> int:
    """Where the blanks begin that stand before a place."""
    while at and text[at - 1].isspace():
        at -= 1
    return at


def _ahead(text: str, at: int) -> int:
    """Where the blanks end that stand behind a place."""
    while at < len(text) and text[at] in " \t":
        at += 1
    return at
