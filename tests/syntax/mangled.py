"""The same spec written badly: other blanks, line breaks and comments wherever they may stand."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

_PIECES = re.compile(
    r"(#[^\n]*)|(\"[^\"\n]*\")|(\s+|;)"
    r"|(->|//|\*\*|[=!<>]=|\d[\d.]*[eE][-+]\d+|[A-Za-z0-9_.]+|.)"
)
ABSORBS_AFTER = frozenset({"->", "|", ",", "else", "(", "[", "{"})
ABSORBS_BEFORE = frozenset({"->", "|", ",", "else", ")", "]", "}", ":"})


def pieces(text: str) -> Iterator[tuple[str, bool, bool]]:
    """Words, marks and comments; whether a line break or a ``;`` stands before each."""
    broken = parted = False
    for match in _PIECES.finditer(text):
        comment, _, blank, _ = match.groups()
        if blank:
            broken, parted = broken or "\n" in blank, parted or blank == ";"
            continue
        yield match.group().rstrip() if comment else match.group(), broken, parted
        broken = parted = False


def order(text: str) -> list[str]:
    """What a spec is made of, in order: each comment, and the code between two of them."""
    found = [""]
    for piece, _, _ in pieces(text):
        if piece.startswith("#"):
            found += [piece, ""]
        else:
            found[-1] += piece
    return found


def places(text: str) -> list[bool]:
    """Of each comment, whether code stands before it on its line."""
    found, line = [], False
    for piece, broken, _ in pieces(text):
        line = line and not broken
        if piece.startswith("#"):
            found.append(line)
        line = not piece.startswith("#")
    return found


def mangled(text: str, r: random.Random) -> str:
    """``text`` with the same meaning and all its comments, in no style at all."""
    out: list[str] = []
    before = ""
    for piece, broken, parted in pieces(text):
        out += [_between(before, piece, broken, parted, r) if before else _break(r), piece]
        before = piece
    return "".join(out) + r.choice(("", "\n", "\n\n\n", "  # the end"))


def _between(a: str, b: str, broken: bool, parted: bool, r: random.Random) -> str:
    comment = a.startswith("#")
    absorbed = a in ABSORBS_AFTER or b in ABSORBS_BEFORE
    if b.startswith("#") or comment:
        return _break(r) if comment or broken else r.choice((" ", "", "      "))
    if (broken and not absorbed) or (parted and b not in "|}" and a not in "|{"):
        return r.choice((";", " ; ", ";\n", "\n;;\n", _break(r), _break(r), _break(r)))
    if absorbed and r.random() < 0.12:
        return _break(r)
    word = re.compile(r"[A-Za-z0-9_.\"]")
    apart = word.match(a[-1:]) and word.match(b[:1])
    return r.choice((" ", " ", "  ", "\t", "     ") if apart else ("", " ", " ", "   ", " \t"))


def _break(r: random.Random) -> str:
    """A line break, with what may stand beside one."""
    comment = f"# note {r.randint(0, 99)}  " if r.random() < 0.3 else ""
    blank = "\n" * r.choice((0, 0, 0, 1, 3))
    other = f"\n   #{r.choice(('', '!', ' ä → λ'))}" if r.random() < 0.2 else ""
    return f"{r.choice(('', ' ', '   '))}{comment}\n{blank}{other}" + (
        f"\n{' ' * r.randint(0, 9)}" if other else " " * r.randint(0, 9)
    )
