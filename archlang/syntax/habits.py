"""How other languages write what this one writes otherwise.

Where a text cannot be read, what stands there may be a habit: the arrow of another notation, a
comment of C, a size as a tuple of Python. Each habit is a row: what it looks like, what could have
stood at its place, what is said of it, and what to write instead where that is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

from archlang.diagnostic import Fix
from archlang.source import Edit, Source, Span
from archlang.syntax.comments import COMMENT

Written: TypeAlias = str | Callable[[re.Match[str]], str] | None
"""What to write for a match: a template, a function of it, or nothing that is known."""


class Habit(NamedTuple):
    """One way to write something elsewhere.

    The group ``here`` is what is pointed at, ``all`` what is written anew if that is more. It is
    one only where any of ``expected`` could have stood at the place; with ``everywhere`` it is
    mended at once on all of its line.
    """

    pattern: re.Pattern[str]
    expected: frozenset[str]
    says: str
    write: Written = None
    everywhere: bool = False
    safe: bool = True


def _row(pattern: str, expected: str, *rest: Any, **options: Any) -> Habit:
    return Habit(re.compile(pattern, re.MULTILINE), frozenset(expected.split()), *rest, **options)


def _numbers(text: str, sign: str) -> str:
    return sign.join(re.findall(r"\d+", text))


_ARROW, _BODY, _TOP = "_ARROW", "_LB", "_MODEL"
_JOINED = "layers are joined by `->`"
_REPEATED = "copies are written `x 3` behind what is repeated"
_LET = "`let` names a value"
_FUNCTION = "a function is written `let f(v) = …`"
BODIES = "a body stands in `{ … }`"
_SHAPE = "a shape is written `[3, 224, 224]`"
_WORDS = r"(?:let|shared|require|input|output|aux)\b"
_BETWEEN = r"(?:and|or|if|else|in|for|x)\b"
_QUOTES = "'‘’“”„"
_STAGE = r"(?:\{[^{}\n]*\}|[A-Za-z_]\w*(?:\([^()\n]*\))?)"
"""What can be repeated, where it is on one line."""

HABITS = (
    # comments that only the parser can tell; see ``comments``
    _row(r"(?P<here>//+|--(?!-{0,9}>)|%(?= ))(?![\s\w.]*\d\s*[,)])", _ARROW, COMMENT, "#"),
    _row(r"(?P<here>/\*|\*/)", "", COMMENT),
    # what joins layers, and what brings tensors together
    _row(r"(?:(?<!-)-{2,}|(?<!=)=+|~|-[ \t]+|\|)>", f"{_ARROW} NAME", _JOINED, "->", True),
    _row(r"(?<![-=<>])>{1,3}(?!=)", _ARROW, _JOINED, "->", True),
    _row(r"\b(?P<all>(?P<stage>[A-Za-z_]\w*\([^()\n]{0,99}\))(?P<here>\()(?P<on>[A-Za-z_]\w*)\))",
         _ARROW, "a layer takes a tensor by `->`", r"\g<on> -> \g<stage>"),
    _row(r"(?<=[)\]}])[ \t]*(?P<here>\.)(?=[A-Za-z_])", _ARROW, _JOINED, " -> ", True),
    _row(r"\b(?P<here>(?:[A-Za-z_]\w*\.)+)(?=[A-Za-z_])", "", "names stand by themselves here", "",
         True),
    _row(r"^[ \t]*(?P<here>inputs|in|Input)[ \t]+\w+[ \t]*:", "", "write `input`", "input"),
    _row(r"^[ \t]*(?P<here>outputs?|out|Output)[ \t]+\w+(?:[ \t]*,[ \t]*\w+)*[ \t]*$", _ARROW,
         "write `output`", "output"),
    _row(r"\b(?P<all>(?P<merge>add|mul|sub|concat)[ \t]+(?P<here>[A-Za-z_]\w*))[ \t]*$", _ARROW,
         "branches stand in `{ … }`", r"\g<merge> { identity | \g<here> }", safe=False),
    _row(r"(?<=[)\]}])(?P<all>[ \t]*(?P<here>\+)[ \t]*(?P<b>[A-Za-z_]\w*)\b(?!\())", _ARROW,
         "tensors are added by `add { a | b }`", r" -> add { identity | \g<b> }", safe=False),
    _row(r"\b(?P<here>times)[ \t]+\w+", "TIMES", _REPEATED, "x"),
    _row(r"\b(?P<all>(?!(?:[xX]|times)\b)(?P<name>[A-Za-z_]\w*)[ \t]+(?P<here>\d[\w.]*"
         r"(?:[ \t]+\d[\w.]*)*))(?=[ \t]*(?:->|$))", _ARROW, "arguments stand in `( … )`",
         lambda m: f"{m['name']}({', '.join(m['here'].split())})"),
    _row(r"\b(?P<all>(?P<name>[A-Za-z_]\w*)[ \t]*\{[ \t]*(?P<here>\d\w*(?:,[ \t]*\w+)*)"
         r"[ \t]*\})", "NAME",
         "arguments stand in `( … )`", r"\g<name>(\g<here>)"),
    _row(r"(?P<all>[ \t]*(?P<here>(?<!-)-(?![->]))[ \t]*)(?=[A-Za-z_{])", _ARROW, _JOINED, " -> ",
         True),
    _row(r"\b(?P<all>(?P<a>[A-Za-z_]\w*)[ \t]*(?P<here>\+)[ \t]*(?P<b>[A-Za-z_]\w*)\b(?!\())",
         _ARROW, "tensors are added by `add { a | b }`", r"add { \g<a> | \g<b> }"),
    _row(r"(?P<here>,)", _ARROW,
         "layers follow each other by `->`, and branches stand side by side by `|`"),
    # values that change, and words that name them
    _row(r"^[ \t]*(?P<all>(?P<name>[A-Za-z_]\w*)[ \t]*(?P<here>(?P<op>[-+*]|//)=)[ \t]*(?=\S))", "",
         _LET, r"let \g<name> = \g<name> \g<op> "),
    _row(r"^[ \t]*(?P<here>var|const|int|float|val|set|def)[ \t]+\w+[ \t]*=[^=>]", "", _LET, "let"),
    _row(r"^[ \t]*(?P<here>[A-Za-z_]\w*)[ \t]*=[ \t]*(?P=here)[ \t]*[-+*/%]", _ARROW, _LET,
         r"let \g<here>"),
    _row(rf"^[ \t]*(?!{_WORDS})(?P<here>[A-Za-z_]\w*)[ \t]*=[ \t]*[\[\d(\"]", "NAME", _LET,
         r"let \g<here>"),
    _row(r"(?P<here>,)(?=[ \t]*(?:#[^\n]*)?$)", "_SEP", "a statement ends with its line", ""),
    # copies
    _row(rf"(?P<all>\b(?P<here>\d+)[ \t]*[xX*×][ \t]*(?P<stage>{_STAGE}))", "INPUT", _REPEATED,
         r"\g<stage> x \g<here>"),
    _row(rf"\b(?P<all>(?P<here>repeat)[ \t]+(?P<n>\w+)[ \t]*:?[ \t]*(?P<stage>{_STAGE}))", "",
         _REPEATED, r"\g<stage> x \g<n>"),
    _row(r"(?P<all>(?P<here>\*|\bX(?=[ \t]))[ \t]*(?P<n>\w+))", "TIMES", _REPEATED, r"x \g<n>"),
    _row(r"(?P<here>\b[xX](?P<n>\d+))\b", "TIMES", _REPEATED, r"x \g<n>"),
    # bodies and what opens them
    _row(r"\b(?P<here>elif)\b[^{\n]*", "", "write `else if`", "else if"),
    _row(r"\b(?P<here>while)\b[^{\n]*", "", "repeat with `x n`, or `for i in range(n) { … }`"),
    _row(r"\bfor[ \t]+(?:\w+[ \t]*,[ \t]*)*\w+(?P<all>[ \t]+(?P<here>(?!in\b)(?:\w+|\[)))", "_IN",
         "is an `in` missing before this?", r" in \g<here>", safe=False),
    _row(r"\bfor[ \t]+\w+(?P<all>[ \t]*(?P<here>=)[ \t]*(?P<low>\w+)[ \t]*(?:\bto\b|\.\.+|:|,)"
         r"[ \t]*(?P<high>\w+))", "_IN", "a loop runs over a list: `for i in range(3) { … }`",
         r" in range(\g<low>, \g<high>)", safe=False),
    _row(r"\bfor[ \t]*(?P<here>\()", "NAME", "a loop runs over a list: `for i in range(3) { … }`"),
    _row(r"\b(?P<here>return)\b[^\n]*\n?", "",
         "what comes last is the output, or what `output` names"),
    _row(r"^[ \t]*(?:\}[ \t]*)?(?:if|for|else)\b[^:{}\n]*?(?P<all>[ \t]*(?P<here>:)"
         r"[ \t]*(?P<body>[^\s:][^\n#{}]*?))(?=[ \t]*(?:\n|$))", _BODY, BODIES, r" { \g<body> }"),
    # items of a file
    _row(r"^(?:model|block)[ \t]*(?P<here>:)", "NAME",
         "a name, and a body in `{ … }`: `model net { … }`"),
    _row(r"^(?:model|block)[ \t]+\w+[ \t]*(?:\([^()\n]*\))?(?P<all>[ \t]*(?P<here>=)[ \t]*)\{", "",
         BODIES, " "),
    _row(r"^model[ \t]+\w+[ \t]*(?:\([^()\n]*\))?(?P<all>[ \t]*(?P<here>:)[ \t]*\[[^\]\n]*\]"
         r"(?:[ \t]*->[ \t]*\[[^\]\n]*\])?)[ \t]*", _BODY,
         "shapes of a model stand at its `input` and behind its layers", ""),
    _row(r"^(?P<here>def|func|function|fn|fun|module|layer)\b", _TOP, "write `block`", "block"),
    _row(r"^(?P<here>class|net|network|architecture)\b", _TOP, "write `model`", "model"),
    _row(r"^(?P<here>import|include|from|require)\b(?=[ \t]*\")", _TOP, "write `use`", "use"),
    _row(r"^(?P<here>import|include|from)\b", _TOP, "a file is brought in by `use \"…\"`"),
    _row(r"^(?P<here>[A-Za-z_]\w*)[ \t]*=[ \t]*[-\w\[(]", _TOP, _LET, r"let \g<here>"),
    _row(r"^[ \t]*(?P<here>(?:input|output|require|aux|shared|if|for|residual|add|concat)\b|"
         r"[A-Za-z_]\w*(?=[ \t]*(?:\(|->|$)))", _TOP, "this stands in a `model name { … }`"),
    _row(r"\buse[ \t]+(?P<here>[\w./-]+)", "STRING", "a file stands in quotes", r'"\g<here>"'),
    _row(rf"\b(?:model|block)[ \t]+(?P<here>[\"{_QUOTES}](?P<name>[A-Za-z_]\w*)[\"{_QUOTES}])",
         "NAME", "a name stands without quotes", r"\g<name>"),
    _row(r"\b(?:model|block)[ \t]+(?P<here>[A-Za-z_]\w*(?:[ \t]+[A-Za-z_]\w*)+)(?=[ \t]*[({:])",
         "", "a name is one word", lambda m: "_".join(dict.fromkeys(m["here"].split()))),
    _row(r"\b(?:model|block|let|shared|input)[ \t]+(?P<here>\d\w*)", "NAME",
         "a name begins with a letter or `_`"),
    _row(r"\b(?:model|block|let|shared|input)[ \t]+(?P<here>[A-Za-z_]\w*(?:[-.]\w+)+)", "",
         "a name is of letters, digits and `_`", lambda m: re.sub(r"\W", "_", m["here"])),
    _row(r"(?<=[)\]}\w])[ \t]+(?P<here>[A-Za-z_]\w*)", _ARROW, "is a `->` missing before this?",
         r"-> \g<here>", True, safe=False),
    # arguments, inputs and shapes
    _row(r"(?P<all>\b(?P<name>\w+)[ \t]*(?P<here>:)[ \t]*)(?=[\w\"\[(-])", "_RP _COMMA",
         "an argument is given by `name=value`", r"\g<name>=", True),
    _row(r"^[ \t]*(?P<all>(?P<here>Input(?:Layer)?)[ \t]*\([ \t]*(?:\w+[ \t]*=[ \t]*)?"
         r"[(\[](?P<sizes>[^()\[\]\n]*)[)\]][^()\n]*\))", "", "an input has a name",
         r"input image: [\g<sizes>]"),
    _row(r"\b(?P<all>input[ \t]+(?P<a>\w+)[ \t]*(?P<here>,)[ \t]*(?P<b>\w+)[ \t]*"
         r"(?P<shape>:[ \t]*\[[^\[\]\n]*\]))", "_COLON", "each input is a statement",
         r"input \g<a>\g<shape>; input \g<b>\g<shape>"),
    _row(r"\binput[ \t]+\w+(?P<all>[ \t]*(?P<here>\[))", "_COLON",
         "a shape stands behind `:`", ": ["),
    _row(r":[ \t]*(?P<here>[A-Za-z]\w*[ \t]*)\[", "_LS", _SHAPE, ""),
    _row(r":[ \t]*(?P<here>\d+)(?![ \t]*[\w×,.])", "_LS", _SHAPE, r"[\g<here>]"),
    _row(r"\b(?P<all>(?P<here>input)\b[ \t]*[:=]?[ \t]*[(\[](?P<sizes>[^()\[\]\n]*)[)\]])", "",
         "an input has a name", r"input image: [\g<sizes>]"),
    _row(r"\binput[ \t]+\w+(?P<all>[ \t]*(?P<here>=))", "_COLON", "write `:`", ":"),
    _row(r"(?P<all>->[ \t]*(?P<here>\[[^\[\]\n]*\]))", "NAME", "a shape is stated behind `:`",
         r": \g<here>"),
    _row(r":[ \t]*(?P<here>\((?P<sizes>[^()\n]*)\))", "_LS", _SHAPE, r"[\g<sizes>]"),
    _row(r":[ \t]*(?P<here>\d+(?:[ \t]*[,xX×][ \t]*\d+)+)", "_LS", _SHAPE,
         lambda m: f"[{_numbers(m['here'], ', ')}]"),
    _row(r"(?P<here>:)(?=[ \t]*\{)", _BODY, BODIES, ""),
    _row(r"(?P<here>:)", _BODY, BODIES),
    # values
    _row(r"(?P<all>(?<=\])[ \t]*(?P<here>\[)(?=[^\[\]\n]*?,))(?P<on>[^\[\]\n]*?,)", "_RS",
         "is a `,` missing before this?", ", [", True),
    _row(r"(?P<here>\((?:[ \t]*\d+[ \t]*,)+[ \t]*\d+[ \t]*\))", "",
         "a size is written `3x3`, a list `[3, 3]`", lambda m: _numbers(m[0], "x")),
    _row(r"(?P<here>\b\d+(?:[ \t]*[xX×][ \t]*\d+)+)\b", "_RP _RS SIZE", "a size is written `3x3`",
         lambda m: _numbers(m[0], "x"), True),
    _row(r"(?P<here>\b\d+(?:_\d+)+)\b", "", "digits stand without `_`",
         lambda m: m[0].replace("_", "")),
    _row(r"(?P<here>\b\d{1,3}(?:,\d{3})+)\b", "", "digits stand without `,`",
         lambda m: m[0].replace(",", "")),
    _row(r"(?P<here>\b\d+(?:\.\d+)?[ \t]*(?:[kmgKMG][iI]?[bB]?))\b", "",
         "units are `K M G`, `KB MB GB` and `KiB MiB GiB`, right behind the number",
         lambda m: re.sub(r"\s", "", m[0]).upper().replace("I", "i")),
    _row(r"(?P<all>\b(?P<low>\w+)(?P<here>\.\.+)(?P<high>\w+))", "",
         "numbers in a row are `range(0, 3)`, which ends before the 3",
         r"range(\g<low>, \g<high>)", safe=False),
    _row(r"(?P<all>(?P<n>\b\d+(?:\.\d+)?)(?P<here>%))(?=[ \t]*[,)])", "",
         "a share is a number: 0.5",
         lambda m: f"{float(m['n']) / 100:g}"),
    _row(r"(?<![<>=!])(?P<here>=)(?![=>])", "COMPARE", "to compare, write `==`", "=="),
    _row(r"(?P<here>&&?)", "AND", "write `and`", "and"),
    _row(r"\b(?:require|if)\b[^|\n]*(?P<here>\|\|)", "", "write `or`", "or"),
    _row(r"(?P<here>\^)", "POWER", "a power is written `**`", "**"),
    _row(r"(?P<here>!)(?!=)", "NOT", "write `not`", "not "),
    _row(r"(?P<all>\b(?P<test>\w+)[ \t]*(?P<here>\?)[ \t]*(?P<then>[\w.]+)[ \t]*:[ \t]*"
         r"(?P<other>[\w.]+))", "", "a choice is written `8 if deep else 16`",
         r"\g<then> if \g<test> else \g<other>"),
    _row(r"(?P<all>(?P<a>[<>]=?)[ \t]*(?P<mid>[\w.]+(?:\([^()\n]*\))?)[ \t]*(?P<here>[<>]=?))", "",
         "comparisons do not chain: join two by `and`", r"\g<a> \g<mid> and \g<mid> \g<here>"),
    _row(r"(?P<here>,)[ \t]*\"", "_COLON", "a message stands behind `:`", " :"),
    _row(r"\blet[ \t]+\w+(?P<all>[ \t]*=[ \t]*(?P<takes>[A-Za-z_]\w*)[ \t]*(?P<here>->)[ \t]*)", "",
         _FUNCTION, r"(\g<takes>) = "),
    _row(r"\blet[ \t]+\w+[ \t]*\([^()\n]*\)(?P<all>[ \t]*(?P<here>\{)[ \t]*(?:return\b[ \t]*)?"
         r"(?P<body>[^{}\n;]*?)[ \t]*\})", "", _FUNCTION, r" = \g<body>"),
    _row(r"\blet[ \t]+\w+(?P<all>[ \t]*=[ \t]*(?P<here>lambda)\b[ \t]*(?P<takes>[\w, ]*?)[ \t]*:)",
         "", _FUNCTION, r"(\g<takes>) ="),
    _row(rf"(?P<here>[{_QUOTES}](?P<text>[^{_QUOTES}\"\n]*)[{_QUOTES}])", "",
         "a string stands in `\"`", r'"\g<text>"'),
    _row(rf"(?P<here>[{_QUOTES}])", "", "a string stands in `\"`"),
    _row(r"(?<=[\w)\]\"])(?P<all>[ \t]+(?P<here>\d[\w.]*|\"[^\"\n]*\"))(?=[ \t]*[,)\]])",
         "_COMMA", "is a `,` missing before this?", r", \g<here>", safe=False),
    _row(rf"(?<=[\w)\]\"])(?P<all>[ \t]+(?P<here>(?!{_BETWEEN}|{_WORDS})[A-Za-z_]\w*))"
         r"(?=[ \t]*[,)\]=(])",
         "_COMMA", "is a `,` missing before this?", r", \g<here>", safe=False),
)  # fmt: skip
"""What other languages write, the more telling before the less."""

LOOKS = {
    "→": "->", "⟶": "->", "⇒": "->", "➔": "->", "−": "-", "–": "-", "—": "-", "∗": "*", "·": "*",
    "≤": "<=", "≥": ">=", "≠": "!=", "\xa0": " ", "\u2003": " ", "\u3000": " ", "\u200b": "",
    "…": "...", "｜": "|", **{chr(n): chr(n - 0xFEE0) for n in range(0xFF01, 0xFF5F)},
}  # fmt: skip
"""Characters that look like what is written with others."""


def habit(source: Source, at: int, expected: frozenset[str]) -> tuple[Span, str, Fix | None] | None:
    """What a text says at a place as another language would: where, what is said, and the fix."""
    begin, end = _line(source.text, at)
    for row in HABITS:
        if row.expected and not row.expected & expected:
            continue
        found = [m for m in row.pattern.finditer(source.text, begin, end + 1) if m[0]]
        match = next((m for m in found if m.start() <= at < m.end()), None)
        if match is None:
            continue
        span = Span(source, *match.span(_group(row, "here")))
        if row.write is None:
            return span, row.says, None
        edits = tuple(_edits(source, row, found if row.everywhere else [match]))
        return span, row.says, _fix(row, edits)
    return None


def _edits(source: Source, row: Habit, found: list[re.Match[str]]) -> Iterator[Edit]:
    assert row.write is not None
    for match in found:
        text = match.expand(row.write) if isinstance(row.write, str) else row.write(match)
        yield Edit(Span(source, *match.span(_group(row, "all", "here"))), text)


def _group(row: Habit, *names: str) -> str | int:
    """The first of some groups that a habit has, else all that it matches."""
    return next((n for n in names if n in row.pattern.groupindex), 0)


def _fix(row: Habit, edits: tuple[Edit, ...]) -> Fix:
    return Fix(f"write `{edits[0].text.strip()}`" if edits[0].text.strip() else
               f"leave `{edits[0].span.text}` out", edits, safe=row.safe)  # fmt: skip


def _line(text: str, at: int) -> tuple[int, int]:
    """Where the line of a place begins and ends."""
    end = text.find("\n", at)
    return text.rfind("\n", 0, at) + 1, len(text) if end < 0 else end


def lookalikes(source: Source, at: int) -> Fix:
    """The edit that writes every character of a line that looks like another as that other."""
    begin, end = _line(source.text, at)
    line = source.text[begin:end]
    strings = [m.span() for m in re.finditer(r'"[^"]*"|#.*', line)]
    edits = tuple(
        Edit(Span(source, begin + n, begin + n + 1), LOOKS[mark])
        for n, mark in enumerate(line)
        if mark in LOOKS and not any(a <= n < b for a, b in strings)
    )
    said = " and ".join(dict.fromkeys(f"`{e.text}`" for e in edits if e.text.strip()))
    return Fix(f"write {said}" if said else "leave it out", edits, safe=True)
