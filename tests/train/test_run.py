"""Whole runs: what they leave behind, and going on from it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from archlang import loads
from archlang.train import InterruptedRunError, Recipe, Result, TrainError, checkpoint, train
from archlang.train.progress import Reporter
from archlang.train.run import Run, build
from archlang.train.workers import crowded
from tests.train.networks import SPEC, lenet, small, stripes, unexplained

RECIPE = {"epochs": 4, "batch_size": 8, "augment": {"shift": 0.1}}
STEPS_AN_EPOCH = 6


class Listener(Reporter):
    """Remembers what was said, and does something after a step or an epoch."""

    def __init__(
        self, after_step: Callable[[int], None] | None = None, epochs: int | None = None
    ) -> None:
        self.said: list[str] = []
        self.after_step, self.epochs = after_step, epochs

    def say(self, text: str) -> None:
        self.said.append(text)

    def step(self, step: int, epoch: str, loss: float, rate: float) -> None:
        if self.after_step:
            self.after_step(step)

    def epoch(self, entry: Mapping[str, Any]) -> None:
        if entry["epoch"] == self.epochs:
            raise Killed


class Killed(BaseException):
    """The process is gone, as far as the run can tell."""


def run(out: Path, network: Any = None, recipe: Any = RECIPE, **options: Any) -> Result:
    options.setdefault("progress", False)
    return train(network or small(), stripes(), recipe, out, **options)


def weights(path: Path) -> dict[str, Tensor]:
    return dict(checkpoint.load(path)["model"])


def assert_same_run(a: Path, b: Path) -> None:
    for name in ("last.pt", "best.pt"):
        one, two = checkpoint.load(a / name), checkpoint.load(b / name)
        assert one["step"] == two["step"]
        assert one["model"].keys() == two["model"].keys()
        for key, value in one["model"].items():
            assert torch.equal(value, two["model"][key]), key
        assert torch.equal(one["random"]["cpu"], two["random"]["cpu"])
        timeless = [
            [{k: v for k, v in entry.items() if k != "seconds"} for entry in state["history"]]
            for state in (one, two)
        ]
        assert timeless[0] == timeless[1]
    assert len((b / "history.jsonl").read_text().splitlines()) == RECIPE["epochs"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole")
    run(out)
    return out


def test_lenet_learns_digits(tmp_path: Path) -> None:
    result = train(lenet(), "digits", Recipe(epochs=12), tmp_path, progress=False)
    assert result.accuracy >= 0.97
    assert result.seconds < 60


def test_files(whole: Path) -> None:
    assert sorted(p.name for p in whole.iterdir()) == [
        *("README.md", "best.pt", "curves.png", "curves.svg", "history.jsonl", "last.pt"),
        *("run.json", "weights.safetensors"),
    ]
    last = torch.load(whole / "last.pt", weights_only=True)
    assert last["classes"] == ["top", "middle", "bottom"]
    assert last["prepare"]["shape"] == [1, 8, 8]
    assert last["step"] == 4 * STEPS_AN_EPOCH
    config = json.loads((whole / "run.json").read_text())
    assert config["files"] == small().files
    assert config["recipe"]["epochs"] == 4
    assert config["results"]["accuracy"] == last["history"][-1]["accuracy"]
    history = [json.loads(line) for line in (whole / "history.jsonl").read_text().splitlines()]
    assert history == last["history"]
    page = (whole / "README.md").read_text()
    assert page.startswith("# small on stripes\n\n61,706 parameters, 3 classes; adamw")
    assert f"{config['results']['accuracy']:.2%} after the last epoch" in page
    assert not unexplained(whole)
    assert "parts" not in page, "there are none"
    best, saved = weights(whole / "best.pt"), load_file(whole / "weights.safetensors")
    assert best.keys() == saved.keys()
    assert all(torch.equal(best[k], saved[k]) for k in best)


def test_best_is_the_first_of_the_highest(whole: Path) -> None:
    best = checkpoint.load(whole / "best.pt")
    history = checkpoint.load(whole / "last.pt")["history"]
    highest = max(entry["accuracy"] for entry in history)
    first = next(entry for entry in history if entry["accuracy"] == highest)
    assert best["best"] == first
    assert best["step"] == first["step"]


def test_the_same_seed_gives_the_same_run(whole: Path, tmp_path: Path) -> None:
    torch.manual_seed(123)
    before = torch.get_rng_state()
    run(tmp_path)
    assert_same_run(whole, tmp_path)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("epochs", [1, 3])
def test_goes_on_at_an_epoch(whole: Path, tmp_path: Path, epochs: int) -> None:
    with pytest.raises(Killed):
        run(tmp_path, progress=Listener(epochs=epochs))
    assert checkpoint.load(tmp_path / "last.pt")["step"] == epochs * STEPS_AN_EPOCH
    assert not unexplained(tmp_path)
    listener = Listener()
    run(tmp_path, progress=listener)
    assert any("going on from" in line for line in listener.said)
    assert_same_run(whole, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [1, 6, 15])
def test_goes_on_after_a_signal(whole: Path, tmp_path: Path, number: int, step: int) -> None:
    def ask(done: int) -> None:
        if done == step:
            os.kill(os.getpid(), number)

    handler = signal.getsignal(number)
    with pytest.raises(InterruptedRunError, match=f"after step {step} of 24") as caught:
        run(tmp_path, progress=Listener(ask))
    assert caught.value.exit_code == 128 + number
    assert signal.getsignal(number) is handler
    assert checkpoint.load(tmp_path / "last.pt")["step"] == step
    run(tmp_path)
    assert_same_run(whole, tmp_path)


def test_goes_on_when_cut_between_best_and_last(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves, save = 0, Run._save

    def cut(self: Run, file: Path) -> None:
        nonlocal saves
        saves += file == self.folder.last
        if saves == 2:
            raise Killed
        save(self, file)

    with monkeypatch.context() as patched:
        patched.setattr(Run, "_save", cut)
        with pytest.raises(Killed):
            run(tmp_path)
    assert checkpoint.load(tmp_path / "last.pt")["step"] == STEPS_AN_EPOCH
    run(tmp_path)
    assert_same_run(whole, tmp_path)


def test_a_complete_run_is_told_again(tmp_path: Path) -> None:
    first, listener = run(tmp_path), Listener()
    again = run(tmp_path, progress=listener)
    assert again == first
    assert any("complete already" in line for line in listener.said)


@pytest.mark.parametrize(
    ("network", "recipe", "says"),
    [
        (small(), {**RECIPE, "epochs": 5}, "recipe.epochs was 4 and is 5"),
        (small(), {**RECIPE, "optimizer": "sgd"}, "recipe.optimizer.name was adamw and is sgd"),
        (small(settings={"width": 2}), RECIPE, "settings.width was unset and is 2"),
        (
            small(files={"lenet5.arch": SPEC.replace("5x5, 6", "5x5, 8")}),
            RECIPE,
            r"lenet5.arch, line 2:\n    - conv\(5x5, 6\)\n    \+ conv\(5x5, 8\)",
        ),
    ],
)
def test_another_run_is_refused(tmp_path: Path, network: Any, recipe: Any, says: str) -> None:
    run(tmp_path, recipe=RECIPE)
    before = (tmp_path / "last.pt").read_bytes()
    with pytest.raises(TrainError, match=says) as caught:
        run(tmp_path, network, recipe)
    assert "--force" in caught.value.hint
    assert (tmp_path / "last.pt").read_bytes() == before
    assert len(run(tmp_path, network, recipe, force=True).history) == recipe["epochs"]


def without(state: dict[str, Any], *paths: str) -> dict[str, Any]:
    """What was recorded of a run, as a version that had no such fields would have done it."""
    for path in paths:
        *above, last = path.split(".")
        del reduce(dict.__getitem__, above, state)[last]
    return state


@pytest.mark.parametrize(
    ("asked", "says"),
    [({}, ""), ({"layer_decay": 0.5}, "recipe.layer_decay was 1.0 and is 0.5")],
)
def test_a_run_of_an_older_version_goes_on(
    whole: Path, tmp_path: Path, asked: dict[str, Any], says: str
) -> None:
    with pytest.raises(Killed):
        run(tmp_path, progress=Listener(epochs=2))
    new = ("recipe.augment.pca_noise", "recipe.layer_decay", "data.crop_share", "data.mode")
    state = checkpoint.read(tmp_path / "last.pt")
    without(state["identity"], *new)
    torch.save(state, tmp_path / "last.pt")
    if says:
        with pytest.raises(TrainError, match=rf"differs: {says}\n"):
            run(tmp_path, recipe={**RECIPE, **asked})
    else:
        run(tmp_path, recipe={**RECIPE, **asked})
        assert_same_run(whole, tmp_path)


def test_a_comment_in_the_spec_is_no_other_run(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path, progress=Listener(epochs=2))
    run(tmp_path, small(files={"renamed.arch": f"# in words\n\n{SPEC}"}))
    assert_same_run(whole, tmp_path)


def test_force_starts_anew(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    (tmp_path / "last.pt").write_text("damaged")
    with pytest.raises(TrainError, match="cannot be read as a checkpoint"):
        run(tmp_path)
    run(tmp_path, force=True)
    assert_same_run(whole, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "kept"


def test_other_weights_under_the_same_spec_are_refused(tmp_path: Path) -> None:
    run(tmp_path)

    def wider() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))

    with pytest.raises(TrainError, match="not those of this network"):
        run(tmp_path, small(build=wider))


def test_a_broken_loss_leaves_the_last_epoch(tmp_path: Path) -> None:
    class Fuse(nn.Module):
        """Breaks at its ninth training batch."""

        def __init__(self) -> None:
            super().__init__()
            self.left = 9

        def forward(self, x: Tensor) -> Tensor:
            if self.training:
                self.left -= 1
            return x if self.left else x * float("nan")

    def build() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 3), Fuse())

    with pytest.raises(TrainError, match="the loss is nan at step 8 of 24, epoch 2"):
        run(tmp_path, small(build=build))
    assert checkpoint.load(tmp_path / "last.pt")["step"] == STEPS_AN_EPOCH


class WithSide(nn.Module):
    """A network with an auxiliary head, as they are built: a dict in training only."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Flatten(), nn.Linear(64, 3)
        self.side = nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:
        x = self.body(x)
        main = self.head(x)
        return {"output": main, "side": self.side(x)} if self.training else main


@pytest.mark.parametrize(("weight", "learns"), [(0.3, True), (0.0, False)])
def test_auxiliary_heads_learn_by_their_weight(tmp_path: Path, weight: float, learns: bool) -> None:
    network = small(build=WithSide, aux={"side": weight})
    recipe = {**RECIPE, "optimizer": {"name": "adamw", "weight_decay": 0}}
    run(tmp_path, network, recipe)
    torch.manual_seed(0)
    fresh, trained = WithSide().side.weight, weights(tmp_path / "last.pt")["side.weight"]
    assert torch.equal(fresh, trained) is not learns


def test_what_no_output_needs_is_held_still() -> None:
    spec = "model m { input x: [4]; bare = parameter([2]); spare = linear(3); x -> linear(2) }"
    module = build(loads(spec), ())
    still = [name for name, p in module.named_parameters() if not p.requires_grad]
    assert still == ["bare", "spare.weight", "spare.bias"]


FLAGGED = """model flagged(wide = false, widths = [4]) {
    input x: [1, 8, 8]
    flatten -> linear(8 if wide else 4) -> linear(widths[0]) -> linear(3)
}"""


@pytest.mark.parametrize(
    "settings", [{"wide": "true", "widths": "[4, 2]"}, {"wide": True, "widths": [4, 2]}]
)
def test_parameters_of_a_recipe_are_those_of_the_network(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    """As text, from the command line, and as values."""
    network = loads(FLAGGED, settings=settings)
    recipe = {"epochs": 1, "model": {"wide": True, "widths": [4, 2]}}
    run(tmp_path, network, recipe)
    says = r"with wide = true, and it was built with its default\n"
    with pytest.raises(TrainError, match=says):
        run(tmp_path, loads(FLAGGED), recipe)


def test_talk_goes_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(small(), stripes(), RECIPE, tmp_path, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    for text in ("device: cpu", "61,706 parameters", "49 images to learn from", "epoch   4"):
        assert text in err


def test_more_workers_than_cores_are_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)
    listener = Listener()
    run(tmp_path, recipe={"epochs": 1, "workers": 2}, progress=listener)
    assert [line for line in listener.said if "workers" in line] == [f"note: {crowded(2)}"]


def test_default_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = train(small(), stripes(), {"epochs": 1}, progress=False)
    assert result.checkpoint == Path("runs/small-stripes/last.pt")
    assert result.checkpoint.is_file()
    assert result.weights.is_file()


def test_logs_for_tensorboard_go_on(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    recipe = {**RECIPE, "tensorboard": True}
    with pytest.raises(Killed):
        run(tmp_path, recipe=recipe, progress=Listener(epochs=2))
    assert not unexplained(tmp_path)
    run(tmp_path, recipe=recipe)
    assert not unexplained(tmp_path)
    assert (tmp_path / "tensorboard").is_dir()
    found = EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    history = checkpoint.load(tmp_path / "last.pt")["history"]
    for name in ("loss", "eval_loss", "accuracy", "lr"):
        logged = [(event.step, event.value) for event in found.Scalars(name)]
        assert [step for step, _ in logged] == [entry["step"] for entry in history]
        assert [value for _, value in logged] == pytest.approx([entry[name] for entry in history])


def test_without_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archlang.train.records.find_spec", lambda name: None)
    with pytest.raises(TrainError, match="need the package tensorboard"):
        run(tmp_path, recipe={**RECIPE, "tensorboard": True})
