"""Exported source reads like source that was written by hand."""

from __future__ import annotations

import inspect
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest
import torchvision

import archlang
from tests.backends.exported import ROOT
from tests.backends.networks import network

EXPECTED = Path(__file__).parent / "source"
SPECS = [
    ("resnet", "resnet50"), ("resnet", "resnext50_32x4d"), ("densenet", "densenet121"),
    ("googlenet", "googlenet"), ("inception", "inception_v3"), ("senet", "se_resnet50"),
    ("efficientnet", "efficientnet_b0"),
    ("efficientnet", "efficientnet_v2_s"), ("regnet", "regnet_y_400mf"),
    ("mobilenet", "mobilenet_v3_small"), ("convnext", "convnext_tiny"), ("vit", "vit_b_16"),
    ("shufflenet", "shufflenet_v2_x1_0"),
    ("unet", "unet"), ("lenet5", "lenet5"), ("xception", "xception"),
]  # fmt: skip
OWN = ("unet", "siamese", "heads", "mixed")


def spec(file: str, model: str) -> archlang.Network:
    return archlang.load(ROOT / "specs" / f"{file}.arch", model)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source of all networks above."""
    path = tmp_path_factory.mktemp("exported")
    for file, model in SPECS:
        (path / f"{model}.py").write_text(spec(file, model).to_source())
    for name in OWN:
        (path / f"own_{name}.py").write_text(network(name).to_source())
    return path


def run(*command: str) -> str:
    """What a tool says; nothing where all is well."""
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_it_is_formatted(folder: Path) -> None:
    options = ("--isolated", "--line-length", "100", str(folder))
    assert not run("ruff", "format", "--check", *options)
    rules = ("--select", "E,F,W,I,B,UP,C4,D1", "--ignore", "D102,D107")
    assert not run("ruff", "check", *rules, *options)


def test_a_line_out_of_form_would_be_found(tmp_path: Path) -> None:
    text = network("unet").to_source().replace("super().__init__()", "super().__init__( )", 1)
    (tmp_path / "x.py").write_text(text)
    assert run("ruff", "format", "--check", "--isolated", "--line-length", "100", str(tmp_path))


@pytest.mark.slow
def test_it_is_typed(folder: Path) -> None:
    assert not run("mypy", "--strict", "--config-file=", str(folder))


@pytest.mark.parametrize("name", [model for _, model in SPECS] + [f"own_{n}" for n in OWN])
def test_it_imports_pytorch_alone(folder: Path, name: str) -> None:
    text = (folder / f"{name}.py").read_text()
    found = set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE))
    assert found <= {"torch", "math", "collections", "typing"}
    assert "archlang" not in text


def code_lines(text: str) -> int:
    """Lines with code on them: no comments, no docstrings, no blank ones."""
    lines: set[int] = set()
    previous = tokenize.NEWLINE
    blank = (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        docstring = token.type == tokenize.STRING and previous == tokenize.NEWLINE
        if token.type not in (*blank, tokenize.NEWLINE, tokenize.ENDMARKER) and not docstring:
            lines.update(range(token.start[0], token.end[0] + 1))
        if token.type not in blank:
            previous = token.type
    return len(lines)


def test_code_lines_are_counted() -> None:
    text = '"""Doc."""\n\n# Comment.\nclass A:\n    """Doc\n    more."""\n\n'
    text += "    x = (\n        1\n    )\n"
    assert code_lines(text) == 4


def test_resnet50_is_no_longer_than_torchvisions() -> None:
    """Of torchvision's file the parts that ResNet-50 needs, its own imports left out."""
    module = torchvision.models.resnet
    parts = (module.conv3x3, module.conv1x1, module.Bottleneck, module.ResNet)
    theirs = sum(code_lines(inspect.getsource(part)) for part in parts)
    assert code_lines(spec("resnet", "resnet50").to_source()) < theirs / 2


SHOWN = {
    "resnet50": lambda: spec("resnet", "resnet50"),
    "densenet121": lambda: spec("densenet", "densenet121"),
    "siamese": lambda: network("siamese"),
}
"""Networks whose source lies beside the tests, to be read."""


@pytest.mark.parametrize("name", SHOWN)
def test_what_it_looks_like(name: str) -> None:
    """``python -m tests.backends.test_source_text`` writes the files anew."""
    assert SHOWN[name]().to_source() == (EXPECTED / f"{name}.txt").read_text()


def test_each_block_is_one_class() -> None:
    text = spec("resnet", "resnet50").to_source()
    assert re.findall(r"^class (\w+)", text, re.MULTILINE) == ["Project", "Bottleneck", "Resnet50"]
    text = spec("densenet", "densenet121").to_source()
    assert len(re.findall(r"^class ", text, re.MULTILINE)) == 4
    assert "for layer in self.children():" in text
    assert "in_channels + i * k" in text


def test_two_inputs_and_a_shared_part() -> None:
    text = network("siamese").to_source()
    assert "def forward(self, left: Tensor, right: Tensor) -> Tensor:" in text
    assert text.count("nn.Conv2d(") == 1


def test_modules_that_pytorch_lacks_are_carried_with_what_they_need() -> None:
    text = network("mixed").to_source()
    assert "class UnevenConv2d(_Uneven, nn.Conv2d):" in text
    assert text.index("class _Uneven(nn.Module):") < text.index("class UnevenConv2d(")
    assert "class UnevenConv3d" not in text


if __name__ == "__main__":
    for name, made in SHOWN.items():
        (EXPECTED / f"{name}.txt").write_text(made().to_source())
