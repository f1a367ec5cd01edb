"""A run as a program: from pixels to the logits that its own evaluation has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import archlang
from archlang.cli.app import program as made
from archlang.train import UsageError, deploy, train, trained
from tests.train.several import SPEC, both
from tests.train.trained import run, small

CONVOLUTIONS = """\
model free {
    input image: [3, H=8, W=8]
    conv(3x3, 4) -> bn -> relu -> global_avgpool -> linear(3)
}
"""
program = made(["compile", "evaluate"])
MODES = ["none", "centre", "standardise", "mean_image", "channel_mean", "channel_mean_std"]


def agree(folder: Path, images: dict[str, torch.Tensor]) -> None:
    """Pixels as bytes through the run's preparation, and from 0 to 1 through the program."""
    one, made = trained(folder), deploy(folder)
    ready = {name: one.prepares[name](x) for name, x in images.items()}
    found = made.module(*(x / 255 for x in images.values()))
    expected = one.outputs(ready if len(ready) > 1 else next(iter(ready.values())))
    found = found if isinstance(found, dict) else {next(iter(expected)): found}
    assert list(found) == list(expected)
    for name, logits in expected.items():
        torch.testing.assert_close(found[name], logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("spec", [small(), archlang.loads(CONVOLUTIONS)], ids=["grey", "repeated"])
def test_pixels_give_the_logits_of_the_run(tmp_path: Path, mode: str, spec: Any) -> None:
    run(tmp_path / "run", spec, epochs=1, preprocess={"mode": mode})
    agree(tmp_path / "run", {"image": torch.randint(0, 256, (5, 1, 8, 8)).byte()})


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    train(archlang.loads(SPEC), both(), {"epochs": 1}, tmp_path / "run", progress=False)
    sizes = {"left": (4, 1, 8, 8), "right": (4, 3, 6, 10)}
    agree(tmp_path / "run", {name: torch.randint(0, 256, s).byte() for name, s in sizes.items()})
    about = deploy(tmp_path / "run").about
    assert json.loads(about["classes"]) == {"row": ["high", "low", "middle"], "column": [*"wxyz"]}
    assert json.loads(about["images"])["right"]["shape"] == [3, 6, 10]


def test_the_module_of_the_run_stays_as_it_was(tmp_path: Path) -> None:
    run(tmp_path / "run", epochs=1, channels_last=True)
    one = trained(tmp_path / "run")
    before = one.module(torch.ones(1, 1, 8, 8))
    made = deploy(one)
    assert list(made.module.state_dict()) == list(one.module.state_dict())
    assert torch.equal(one.module(torch.ones(1, 1, 8, 8)), before)


def test_a_mean_image_holds_the_size(tmp_path: Path) -> None:
    network = archlang.loads(CONVOLUTIONS)
    for mode, steps in (("mean_image", {0}), ("centre", {1})):
        run(tmp_path / mode, network, epochs=1, preprocess={"mode": mode})
        axes = [axis for axis in deploy(tmp_path / mode).axes if axis.name]
        assert {axis.step for axis in axes} == steps


def test_what_is_no_spec_is_refused(tmp_path: Path) -> None:
    class Other:
        name = "other"

    run(tmp_path / "run", epochs=1)
    one = trained(tmp_path / "run")
    object.__setattr__(one, "network", Other())
    with pytest.raises(UsageError, match="`other` was made by no spec"):
        deploy(one)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "free"
    run(out, archlang.loads(CONVOLUTIONS), epochs=1, ema=True)
    return out


@pytest.mark.parametrize("ending", ["pt2", "onnx"])
def test_programs_take_pixels_and_name_the_classes(
    folder: Path, tmp_path: Path, ending: str
) -> None:
    file = tmp_path / f"free.{ending}"
    done = CliRunner().invoke(program, ["compile", str(folder), "-o", str(file)])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[1] == "with the running mean of the weights of epoch 1"
    assert "image [batch, 1, H, W]" in done.output
    assert done.output.splitlines()[-1] == (
        "note: it takes pixels from 0 to 1; its metadata name the classes"
    )
    pixels = torch.rand(2, 1, 11, 9)
    expected = deploy(folder).module(pixels)
    if ending == "pt2":
        kept: dict[str, str] = dict.fromkeys(("classes", "images", "model"), "")
        found = torch.export.load(file, extra_files=kept).module()(pixels)
    else:
        import onnxruntime

        session = onnxruntime.InferenceSession(file)
        (array,) = session.run(None, {"image": pixels.numpy()})
        found, kept = torch.from_numpy(array), session.get_modelmeta().custom_metadata_map
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert json.loads(kept["classes"]) == ["top", "middle", "bottom"]
    assert json.loads(kept["model"]) == "free"


@pytest.mark.parametrize("ending", ["py", "pt", "safetensors"])
def test_the_network_alone_says_what_it_takes(folder: Path, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"free.{ending}"
    done = CliRunner().invoke(program, ["compile", str(folder), "-o", str(file)])
    assert done.exit_code == 0, done.output
    assert "note: `image` takes pixels from 0 to 1 less " in done.output
    one = trained(folder)
    if ending == "py":
        assert file.read_text("utf-8") == archlang.loads(CONVOLUTIONS).to_source()
    elif ending == "pt":
        held = torch.load(file, weights_only=True)
        assert all(torch.equal(held[name], value) for name, value in one.weights.items())


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--set", "width=3"], "which --set cannot change"),
        (["--device", "meta"], "on the device meta there are no weights"),
    ],
)
def test_what_a_run_does_not_take(folder: Path, args: list[str], said: str) -> None:
    done = CliRunner().invoke(program, ["compile", str(folder), *args])
    assert (done.exit_code, said in done.output) == (2, True)
