"""Names with letters of other alphabets: how they are written with those of the language."""

from __future__ import annotations

import re
import unicodedata

from archlang.diagnostic import Fix
from archlang.source import Edit, Source, Span

_GREEK = re.compile(r"GREEK (?:SMALL|CAPITAL) LETTER (?:FINAL )?(\w+)")
_LATIN = re.compile(r"LATIN (?:SMALL|CAPITAL) (?:LETTER|LIGATURE) ([A-Z]{1,2})(?: WITH .+)?$")
_LOOKS = str.maketrans("аеорсухіѕјАВЕКМНОРСТХІЅЈ", "aeopcyxisjABEKMHOPCTXISJ")
"""Letters of Cyrillic that cannot be told from others by their looks."""
_APART = re.compile(r'"[^"\n]*"|#[^\n]*')
_LETTER = r"[\w\u0300-\u036f]"
"""A letter, or an accent that stands behind one."""
_LONGEST = 100
"""How far a word is looked for."""
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def word_at(source: Source, at: int) -> Span:
    """The word that a letter stands in, whatever its letters are."""
    text = source.text
    before = re.search(rf"{_LETTER}*$", text[max(at - _LONGEST, 0) : at])
    behind = re.match(rf"{_LETTER}*", text[at : at + _LONGEST])
    assert before is not None
    assert behind is not None
    return Span(source, at - len(before.group()), at + len(behind.group()))


def of_a_name(mark: str) -> bool:
    """Whether a character may belong to a name of another alphabet: a power does not."""
    power = unicodedata.decomposition(mark).startswith("<super>")
    letter = bool(unicodedata.combining(mark)) or mark.isalnum()
    return letter and not power and not mark.isascii()


def plain(word: str) -> str:
    """A word in the letters of the language, as far as it can be written in them."""
    return "".join(map(_letter, word.translate(_LOOKS)))


def respelt(source: Source, word: str) -> Fix | None:
    """The edits that write a name in the letters a to z wherever it stands, if that is no other."""
    text, name = source.text, plain(word)
    apart = [m.span() for m in _APART.finditer(text)]
    if not _NAME.fullmatch(name) or (not _alike(word, name) and _found(text, name)):
        return None
    places = [at for at in _found(text, word) if not any(a <= at < b for a, b in apart)]
    edits = tuple(Edit(Span(source, at, at + len(word)), name) for at in places)
    return Fix(f"write `{name}`", edits, safe=True) if edits else None


def _found(text: str, word: str) -> list[int]:
    return [m.start() for m in re.finditer(rf"(?<!{_LETTER}){word}(?!{_LETTER})", text)]


def _alike(word: str, name: str) -> bool:
    """Whether a word cannot be told from a name by its looks: it is meant to be that name."""
    return word.translate(_LOOKS) == name


def _letter(mark: str) -> str:
    """A letter in those of the language, by its name in Unicode; as it is where it has none."""
    if mark.isascii():
        return mark
    name = unicodedata.name(mark, "")
    if greek := _GREEK.match(name):
        plain = greek.group(1).lower().replace("lamda", "lambda")
        return plain if mark.islower() else plain.capitalize()
    if latin := _LATIN.match(name):
        return latin.group(1).lower() if mark.islower() else latin.group(1)
    if unicodedata.combining(mark):
        return ""
    return "ss" if mark == "ß" else unicodedata.normalize("NFKD", mark)
