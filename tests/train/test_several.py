"""Several inputs, and outputs with labels of their own, from the table to the prediction."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from typer.testing import CliRunner

from archlang import loads
from archlang.cli.app import program as made
from archlang.train import (
    Data,
    TrainError,
    evaluate,
    load,
    mc_dropout,
    predict,
    train,
    trained,
)
from archlang.train.loader import EvaluationBatches
from archlang.train.task import Classification
from tests.train import outputs
from tests.train.outputs import RECIPE, Listener, check_goes_on, fixtures, last
from tests.train.several import COLUMNS, ROWS, SPEC, both, part, written

HARD: dict[str, Any] = {
    **outputs.HARD,
    "augment": {"shift": 0.1, "rotation": 10, "mixing": {"mixup": 0.2}},
}
DROPPING = SPEC.replace("} -> relu", "} -> relu -> dropout(0.3)")


table, run, whole = fixtures(DROPPING, RECIPE, HARD, written)


def test_each_output_learns_its_own_labels(run: Path) -> None:
    outputs = last(run)["history"][-1]["outputs"]
    assert list(outputs) == ["row", "column"]
    assert min(score["accuracy"] for score in outputs.values()) > 0.9


def test_files_and_memory_are_the_same_run(run: Path, tmp_path: Path) -> None:
    train(loads(DROPPING), both(), RECIPE, tmp_path, progress=False)
    one, two = last(run), last(tmp_path)
    assert one["prepare"] == two["prepare"]
    assert all(torch.equal(value, two["model"][name]) for name, value in one["model"].items())


def test_what_a_step_takes_is_predicted(tmp_path: Path) -> None:
    """With so few weights that each output's labels show."""
    spec = (
        "model b { input left: [1, 8, 8]; input right: [3, 6, 10]; a = left -> global_avgpool; "
        "b = right -> global_avgpool; row = a -> linear(3); column = b -> linear(4); "
        "output row, column }"
    )
    listener, recipe = Listener(), {**RECIPE, "epochs": 1, "batch_size": 100}
    train(loads(spec), both(200), recipe, tmp_path, progress=listener)
    taken = re.search(r"memory: a step took (.*), (.*) predicted", listener.said)
    assert taken is not None
    assert taken[1] == taken[2]


def test_what_is_measured_of_each_input(run: Path) -> None:
    images, _ = part(49, 0)
    prepares = trained(run, device="cpu").prepares
    assert list(prepares) == ["left", "right"]
    for name, pixels in images.items():
        channels = pixels.double().transpose(0, 1).flatten(1) / 255
        assert prepares[name].shape == tuple(pixels.shape[1:])
        assert prepares[name].mean == pytest.approx(channels.mean(1).tolist())
        assert prepares[name].std == pytest.approx(channels.std(1, correction=0).tolist())


@pytest.mark.parametrize(("step", "workers"), [(3, 0), (10, 2)])
def test_goes_on_to_the_same_end(
    whole: Path, table: Path, tmp_path: Path, step: int, workers: int
) -> None:
    """Cut short in the middle of an epoch, with all that could make a difference."""
    data = f"csv:{table}"
    assert check_goes_on(whole, DROPPING, data, HARD, tmp_path, step, workers) == 12


def test_another_augmentation_of_inputs_is_another_run(whole: Path, table: Path) -> None:
    apart = {**HARD, "augment": {**HARD["augment"], "inputs": "apart"}}
    with pytest.raises(TrainError, match=r"recipe\.augment\.inputs was together and is apart"):
        train(loads(DROPPING), f"csv:{table}", apart, whole, progress=False)


def test_scores_of_each_output(run: Path, table: Path) -> None:
    """By hand: the module on the images as the preparations have them."""
    one, data = trained(run, device="cpu"), load(f"csv:{table}", network=loads(SPEC))
    assert one.own == {"row": ROWS, "column": COLUMNS}
    images = [
        torch.cat([x for x, _ in EvaluationBatches(data.test.inputs[n], p, batch_size=7)])
        for n, p in one.prepares.items()
    ]
    with torch.no_grad():
        logits = one.module(*images)
    for source in (f"csv:{table}", both(), None):
        found = evaluate(run, source, device="cpu", batch_size=6)
        assert [score.output for score in found.outputs] == ["row", "column"]
        for score in found.outputs:
            labels = data.test.answers[score.output]
            assert score.classes == one.own[score.output]
            right = (logits[score.output].argmax(1) == labels).sum()
            assert (score.correct, score.count) == (right, 20)
            wanted = F.cross_entropy(logits[score.output].double(), labels)
            assert score.loss == pytest.approx(wanted.item(), rel=1e-5)


def test_predictions_of_each_output(run: Path, table: Path) -> None:
    images, labels = part(20, 1)
    files = {n: [table.parent / f"test-{n}-{i}.png" for i in range(20)] for n in images}
    for output, classes in (("row", ROWS), ("column", COLUMNS)):
        seen = predict(run, images, output=output, device="cpu")
        assert seen.classes == classes
        score = next(s for s in evaluate(run, device="cpu").outputs if s.output == output)
        right = [classes.index(n) for n in seen.labels]
        assert (torch.tensor(right) == labels[output]).sum() == score.correct
        again = predict(run, files, output=output, device="cpu", batch_size=3)
        assert torch.allclose(again.probabilities, seen.probabilities, atol=1e-6)
    assert again.names[0] == f"{files['left'][0]} + {files['right'][0]}"
    listed = predict(run, table, output="column", device="cpu")
    assert torch.allclose(listed.probabilities[49:], seen.probabilities, atol=1e-6)
    assert mc_dropout(run, images, 5, device="cpu").spread.variance.max() > 0


def test_folders_go_together_by_name(run: Path, table: Path, tmp_path: Path) -> None:
    for name in ("left", "right"):
        for i in (2, 10, 1):
            path = tmp_path / name / "deep" / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((table.parent / f"test-{name}-{i}.png").read_bytes())
    images, _ = part(20, 1)
    found = predict(run, {n: tmp_path / n for n in images}, device="cpu")
    places = [int(Path(name.split(" + ")[0]).stem) for name in found.names]
    assert sorted(places) == [1, 2, 10]
    wanted = predict(run, {n: x[places] for n, x in images.items()}, device="cpu")
    assert torch.allclose(found.probabilities, wanted.probabilities, atol=1e-6)


def invoke(*arguments: object) -> Any:
    program = made(["train", "evaluate", "predict", "data"])
    return CliRunner().invoke(program, [*map(str, arguments)])


def test_predict_names_the_class_of_each_output(run: Path, table: Path) -> None:
    images = [f"{n}={table.parent / f'test-{n}-3.png'}" for n in ("right", "left")]
    said = invoke("predict", run, *images, "--device", "cpu", "--format", "csv", "--top", 1)
    head, *lines = said.stdout.splitlines()
    assert head == "image,output,rank,class,probability"
    assert [line.split(",")[1] for line in lines] == ["row", "column"]
    said = invoke("predict", run, *images, "--device", "cpu", "--output", "column")
    assert "note: this is output `column`; --output: row" in said.stderr


@pytest.mark.parametrize(
    ("images", "says"),
    [
        ([("", "left")], "`both` takes 2 images for each sample: left, right"),
        ([("left", "left")], "there is no image for `right`"),
        ([("left", "left"), ("rigt", "right")], "`both` has no input `rigt`"),
        (
            [("left", "left"), ("left", "left"), ("right", "right")],
            "`right` is given 1 image, and `left` 2",
        ),
        ([("left", "none"), ("right", "right")], "there is no file"),
        ([("left", ""), ("right", "right")], "has no counterpart for"),
    ],
)
def test_what_predict_cannot_use(
    run: Path, table: Path, images: list[tuple[str, str]], says: str
) -> None:
    given = []
    for name, of in images:
        path = table.parent / (f"test-{of}-3.png" if of else "")
        given.append(f"{name}={path}" if name else str(path))
    said = invoke("predict", run, *given, "--device", "cpu")
    assert says in said.stderr
    assert said.exit_code == 2


def test_a_class_too_many_of_one_output(table: Path, tmp_path: Path) -> None:
    network = loads(SPEC.replace("column = both -> linear(4)", "column = both -> linear(5)"))
    says = r"`both\.column` has 5 outputs, but both has 4 classes of `column`"
    with pytest.raises(TrainError, match=says):
        train(network, f"csv:{table}", RECIPE, tmp_path, progress=False)
    assert not (tmp_path / "last.pt").exists()


def test_a_channel_too_many_of_one_input(table: Path, tmp_path: Path) -> None:
    network = loads(SPEC.replace("right: [3", "right: [4"))
    says = r"`both\.right` takes 4 channels, but both's images for `right` have 3"
    with pytest.raises(TrainError, match=says):
        train(network, f"csv:{table}", RECIPE, tmp_path, progress=False)


def test_what_is_in_memory_bears_the_names_of_the_spec(tmp_path: Path) -> None:
    images, labels = part(12, 0)
    classes = {"row": ROWS, "column": COLUMNS}

    def held(images: Any, labels: Any, classes: Any = classes) -> Data:
        return Data.held("mine", classes, (images, labels), (images, labels))

    def fails(data: Data, says: str) -> None:
        with pytest.raises(TrainError, match=says):
            train(loads(SPEC), data, RECIPE, tmp_path, progress=False)

    other = {"left": images["left"], "rigth": images["right"]}
    fails(held(other, labels), "`both` has the input `right`, and mine has no images of that name")
    fails(
        held({**images, "third": images["left"]}, labels),
        "mine has images for `third`, and `both` has no input of that name",
    )
    fails(held(images["left"], labels["row"], ROWS), r"`both` takes 2 inputs \(left, right\)")
    fails(
        held(
            images, {"row": labels["row"], "col": labels["column"]}, {"row": ROWS, "col": COLUMNS}
        ),
        "`both` has the output `column`, and mine has no labels of that name",
    )
    with pytest.raises(TrainError, match="`left` has 12 images, but `right` 11"):
        held({"left": images["left"], "right": images["right"][1:]}, labels)
    with pytest.raises(TrainError, match="4 classes of `column`, but a training label of `column`"):
        held(images, {**labels, "column": labels["column"] + 2})


def test_one_label_is_shared_by_all_outputs(tmp_path: Path) -> None:
    spec = SPEC.replace("linear(4)", "linear(3)")
    (images, labels), (others, more) = part(24, 0), part(9, 1)
    data = Data.held("one", ROWS, (images, labels["row"]), (others, more["row"]))
    train(loads(spec), data, {**RECIPE, "epochs": 1}, tmp_path, progress=False)
    found = evaluate(tmp_path, data, device="cpu")
    assert [score.classes for score in found.outputs] == [ROWS, ROWS]
    with pytest.raises(TrainError, match="was trained on labels for all outputs together, and"):
        evaluate(tmp_path, both(), device="cpu")


ONE = """
model one {
    input image: [1, 8, 8]
    flatten -> linear(16) -> relu
    side = linear(4)
    aux side weight=0.5
    relu -> linear(3)
}
"""


def test_an_auxiliary_output_with_labels_of_its_own(tmp_path: Path) -> None:
    """In use the network has one output, without a name, and its labels are not the first."""

    def one(count: int, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        images, labels = part(count, seed)
        return images["left"], {"side": labels["column"], "output": labels["row"]}

    classes = {"side": COLUMNS, "output": ROWS}
    data = Data.held("one", classes, one(49, 0), one(20, 1))
    result = train(loads(ONE), data, RECIPE, tmp_path, progress=False)
    assert result.accuracy > 0.9
    assert "outputs" not in result.history[-1]
    found = evaluate(tmp_path, data, device="cpu")
    assert (found.classes, found.correct) == (ROWS, round(result.test_accuracy * 20))
    assert predict(tmp_path, one(20, 1)[0], device="cpu").classes == ROWS


def test_the_loss_is_the_weighted_sum() -> None:
    torch.manual_seed(0)
    outputs = {"row": torch.randn(5, 3), "column": torch.randn(5, 4), "side": torch.randn(5, 4)}
    targets = {"row": torch.arange(5) % 3, "column": torch.arange(5) % 4}
    targets["side"] = targets["column"].flip(0)
    own = {"row": ROWS, "column": COLUMNS, "side": COLUMNS}
    each = {name: Classification(classes) for name, classes in own.items()}
    task = Classification(ROWS, each, {"column": 2.5})
    losses = {name: F.cross_entropy(x, targets[name]) for name, x in outputs.items()}
    wanted = losses["row"] + 2.5 * losses["column"] + 0.3 * losses["side"]
    assert task.loss(outputs, targets, {"side": 0.3}) == pytest.approx(wanted.item())


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ({"rows": 2}, "`output_weights` names `rows`, and `one` has no such output"),
        ({"side": 2}, "`output_weights` names `side`, which is an auxiliary output"),
    ],
)
def test_weights_of_no_output(tmp_path: Path, weights: dict[str, float], says: str) -> None:
    with pytest.raises(TrainError, match=says):
        train(loads(ONE), both(), {"output_weights": weights}, tmp_path, progress=False)


def test_what_data_says_of_a_table(table: Path) -> None:
    said = invoke("data", f"csv:{table}").stdout
    assert "both: classification with 4 classes of `column`, 3 classes of `row`" in said
    images, labels = part(49, 0)
    for name, channels in (("left", "1 channel of 8x8"), ("right", "3 channels of 6x10")):
        mean = images[name].double().transpose(0, 1).flatten(1).mean(1) / 255
        numbers = ", ".join(f"{m:.4f}" for m in mean.tolist())
        assert f"`{name}`\npixels:  {channels}\nmean:    {numbers}\n" in said
    counts = torch.bincount(labels["column"]).tolist()
    for name, count in zip(COLUMNS, counts, strict=True):
        assert any(line.split()[:2] == [name, str(count)] for line in said.splitlines())
