"""The exercises among the examples: what they show holds, and not of one size alone."""

from __future__ import annotations

from typing import Any

import pytest

import archlang
from tests.docs.conftest import Shell
from tests.docs.test_examples import EXAMPLES, example

torch: Any = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples import each other by their names, as they do when they are run."""
    monkeypatch.syspath_prepend(EXAMPLES)
    torch.manual_seed(0)


Figures = tuple[int, int, tuple[int, int], tuple[int, int], int, int]
FIGURES: list[Figures] = [
    # channels, maps, kernel, image, stride, pad
    (1, 1, (1, 1), (1, 1), 1, 0),
    (3, 4, (3, 3), (6, 7), 1, 1),
    (2, 3, (5, 2), (9, 8), 1, 0),
    (2, 5, (3, 3), (9, 10), 2, 1),
    (4, 2, (2, 4), (11, 9), 3, 2),
    (1, 2, (7, 7), (7, 7), 4, 3),
]


@pytest.mark.parametrize("figures", FIGURES, ids=str)
def test_both_matrices_are_the_convolution(figures: Figures) -> None:
    channels, maps, kernel, size, stride, pad = figures
    module = example("convolution_as_matrix")
    conv = torch.nn.Conv2d(channels, maps, kernel, stride, pad).double()
    images = torch.randn(3, channels, *size, dtype=torch.double)
    for result in module.both_ways(conv, images, stride, pad):
        torch.testing.assert_close(result, conv(images).flatten(2))
    unfolded = torch.nn.functional.unfold(images, kernel, padding=pad, stride=stride)
    torch.testing.assert_close(module.windows(images, *kernel, stride, pad), unfolded)


def test_a_filter_matrix_is_doubly_blocked() -> None:
    """With stride 1, blocks depend on the difference of rows alone, and so do their entries."""
    weight = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    matrix = example("convolution_as_matrix").filter_matrix(weight, 5, 5, stride=1, pad=1)
    blocks = matrix.reshape(5, 5, 5, 5).transpose(1, 2)  # row, row of the image, column, column
    assert torch.equal(blocks[1:, 1:], blocks[:-1, :-1])
    assert torch.equal(blocks[..., 1:, 1:], blocks[..., :-1, :-1])


def test_convolution_as_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    example("convolution_as_matrix").main()
    out = capsys.readouterr().out
    assert "\n1 2 0 3 4 0 0 0 0\n0 1 2 0 3 4 0 0 0\n0 0 0 1 2 0 3 4 0\n" in out
    # 4 filters of 3*3*2 weights at 4*5 places
    assert f"{4 * 18 * 20} times an image; archlang counts {4 * 18 * 20}" in out


@pytest.mark.parametrize("figures", [(8, 9, 2, 1), (7, 7, 1, 0), (10, 11, 3, 2), (3, 5, 2, 0)])
def test_transposed_convolution(
    figures: tuple[int, int, int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    example("transposed_convolution").main(*figures)
    assert "restores the size, not the values" in capsys.readouterr().out


@pytest.mark.parametrize(("row", "column"), [(30, 12), (0, 0), (41, 55), (20, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_find_pattern(row: int, column: int, seed: int) -> None:
    example("find_pattern").main(row, column, seed)


def test_a_correlation_is_that_of_statistics() -> None:
    module = example("find_pattern")
    image = torch.randn(1, 1, 12, 14, dtype=torch.double)
    template = module.pattern().double()
    answers = module.correlation(image, template)
    window = image[0, 0, 2:9, 4:13].flatten()
    expected = torch.corrcoef(torch.stack([window, template.flatten()]))[0, 1]
    torch.testing.assert_close(answers[0, 0, 2, 4], expected)


@pytest.mark.parametrize(("height", "width"), [(60, 76), (32, 36), (33, 43)])
def test_linear_as_convolution(height: int, width: int) -> None:
    example("linear_as_convolution").main(height, width)


def test_weights(capsys: pytest.CaptureFixture[str]) -> None:
    example("weights").main()
    # 8 filters of 5*5*3 and a bias; one for each of 8*16*16 outputs; 3*16*16 and a bias for each
    counts = [8 * 76, 8 * 256 * 76, 8 * 256 * 769]
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split()[1].replace(",", "")) for line in lines[:3]] == counts
    assert "all three give the same" in lines[3]


def test_the_figures_of_weights_bind() -> None:
    text = (EXAMPLES / "weights.arch").read_text("utf-8")
    for model in ("convolution", "locally_connected", "fully_connected"):
        assert archlang.loads(text, model, {"maps": 3}, {"image": (2, 9, 7)})
        with pytest.raises(archlang.ArchError):
            archlang.loads(text.replace("+ 1) *", "+ 2) *"), model)


def test_exercises_run_from_the_command_line(shell: Shell) -> None:
    out = shell("python examples/transposed_convolution.py")
    assert "transposed:  (5, 4, 5) to (3, 8, 9), matrix (216, 100)" in out
