"""The lexer: each state of the parser takes its own tokens, and all look with one pattern."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

from lark.lexer import BasicLexer, ContextualLexer


class _StateLexer(BasicLexer):
    """Finds the tokens that one state of the parser takes.

    The pattern of a state is slow to compile, and few specs are long enough to use each of the
    fifty more than once. So the pattern of all tokens is tried first. It tries them in the same
    order: what it finds is what the state would find by itself, if the state takes that at all.
    A word that may be one of the language's is left to the state.
    """

    callback: dict[str, Any] = {}  # noqa: RUF012 - its own where its own pattern is compiled
    every: _StateLexer | None = None
    """The lexer of all tokens; None for that one itself."""
    words: frozenset[str] = frozenset()
    """The words of the language."""

    def __init__(self, conf: Any, comparator: Any = None) -> None:
        super().__init__(conf, comparator)
        self.taken = {terminal.name for terminal in self.terminals}

    def match(self, text: Any, pos: int) -> Any:
        """The token at ``pos``, as its text and its name; None where there is none."""
        if self.every is not None:
            found = self.every.match(text, pos)
            if found and found[1] in self.taken and found[0] not in self.words:
                return found
        return super().match(text, pos)  # type: ignore[no-untyped-call]


class Lexer(ContextualLexer):
    """The lexers of all states."""

    BasicLexer = _StateLexer

    def __init__(self, conf: Any, states: Any, always_accept: Collection[str] = ()) -> None:
        super().__init__(conf, states, always_accept)
        words = frozenset(t.pattern.value for t in conf.terminals if t.pattern.type == "str")
        for lexer in cast(Collection[_StateLexer], self.lexers.values()):
            lexer.every, lexer.words = cast(_StateLexer, self.root_lexer), words
