"""A short run of what fuzzing does at length, and all that it has kept."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from tests.diagnostics.fuzzing import CORPUS, WORDS, changed, holds, seeds

CALM = settings(max_examples=60, deadline=None, derandomize=True)


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda p: p.name[:20])
def test_what_is_kept(path: Path) -> None:
    holds(path.read_text(encoding="utf-8", errors="replace"))


@CALM
@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_words_in_any_order(words: list[str]) -> None:
    holds(" ".join(words))
    holds(f"model m {{ input x: [3, 8, 8]; {' '.join(words)} }}")


@CALM
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    holds(text)
    holds(f"model m {{ input x: [3, 8, 8]\n{text}\n}}")


@CALM
@given(st.randoms(use_true_random=False))
def test_specs_with_words_changed(r: random.Random) -> None:
    holds(changed(r.choice(seeds()), r))
