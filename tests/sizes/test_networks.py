"""300 random networks against PyTorch: where each is legal, and every size there.

``python -m tests.sizes.run 5000`` asks about more networks, at every height up to 512.
"""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from archlang.analyses.sizes import Legal
from archlang.ops import merge
from archlang.sizes.forms import Form
from tests.sizes import run
from tests.sizes.witness import compare

NETWORKS, PART = 300, 30


@pytest.mark.parametrize("first", range(0, NETWORKS, PART))
def test_random_networks(first: int) -> None:
    torch.set_num_threads(1)
    counts: Counter[str] = Counter()
    for seed in range(first, first + PART):
        result = compare(seed, dense=False)
        counts += result.counts
        assert not result.mismatches, f"{result.mismatches}\n{result.spec}"
    assert counts["points"] > 1000
    assert min(counts["legal"], counts["illegal"]) > counts["points"] / 10
    assert counts["exact"] > 0.9 * PART


def test_a_wrong_set_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Legal, "holds", lambda self, sizes: True)
    assert all(compare(seed, dense=False).mismatches for seed in (3, 4, 7))


def test_a_wrong_size_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Form.at
    monkeypatch.setattr(Form, "at", lambda self, sizes: (honest(self, sizes) or 0) + 1)
    assert all(compare(seed, dense=False).mismatches for seed in (3, 4, 7))


def test_branches_taken_for_equal_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "same", lambda a, b: int(a) == int(b))
    assert any(compare(seed, dense=False).mismatches for seed in range(30))


def test_the_long_run_reports(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run.main(2, dense=False) == 0
    assert "2 networks" in capsys.readouterr().out
    monkeypatch.setattr(Legal, "holds", lambda self, sizes: False)
    assert run.main(2, dense=False) > 0
    assert "seed" in capsys.readouterr().out
