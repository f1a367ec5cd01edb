"""Training with archlang, and the same recipe written by hand in plain PyTorch.

Without options: how fast their steps are, and what 16 bits gain. Ours is all of `archlang train`
with its progress bar; it is halted at every so many steps, and the loop written by hand takes as
many. With `--seeds N`: what accuracies both reach, on digits and on Fashion-MNIST.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from itertools import pairwise, repeat
from math import comb, sqrt
from pathlib import Path
from statistics import mean, stdev
from tempfile import TemporaryDirectory
from time import process_time
from typing import TYPE_CHECKING, Any, TypeAlias

from rich.console import Console

import archlang
from archlang.train import Data, TrainError, load, train
from archlang.train.progress import Terminal
from benchmarks.apart import apart
from benchmarks.paired import (
    ROOT,
    Cost,
    Goal,
    Pairs,
    Row,
    Turn,
    now,
    report,
    since,
    time_row,
    turn_of,
)
from benchmarks.plain import Loop, Part, Plan, ResNet, lenet5

if TYPE_CHECKING:
    from torch import nn

Other: TypeAlias = AbstractContextManager[Turn]
FASHION = ROOT / "examples" / "fashion_mnist"
DIGITS = Plan(20, 64, "adamw", 3e-3, 0.05, shift=2)
RESNET = Plan(10, 128, "sgd", 0.1, 5e-4, warmup=0.2, shift=2, flip=0.5)
LENET = Plan(15, 64, "adamw", 3e-3, 0.05, flip=0.5)


@dataclass(frozen=True)
class Case:
    """A network, as a spec and by hand, what it is trained on and how."""

    what: str
    spec: Path
    model: str
    by_hand: Callable[[], nn.Module]
    plan: Plan
    data: str = "digits"

    def network(self) -> archlang.Network:
        return archlang.load(self.spec, self.model)


_SPEC = ROOT / "specs" / "lenet5.arch"
CASES = {
    "digits": Case("LeNet-5 on digits", _SPEC, "lenet5", lenet5, DIGITS),
    "lenet": Case("LeNet-5 on Fashion-MNIST", _SPEC, "lenet5", lenet5, LENET, "fashion-mnist"),
    "resnet": Case(
        "small ResNet on Fashion-MNIST",
        FASHION / "resnet.arch",
        "resnet",
        ResNet,
        replace(RESNET, bf16=True),
        "fashion-mnist",
    ),
}


def recipe(plan: Plan, seed: int = 0) -> dict[str, Any]:
    """A plan as archlang has it."""
    return {
        "epochs": plan.epochs,
        "batch_size": plan.batch,
        "optimizer": {"name": plan.optimizer, "lr": plan.lr, "weight_decay": plan.weight_decay},
        "schedule": {"name": "cosine", "warmup": plan.warmup},
        "label_smoothing": plan.smoothing,
        "augment": {"shift": 0, "pad_crop": plan.shift, "horizontal_flip": plan.flip},
        "dtype": "bfloat16" if plan.bf16 else "float32",
        "channels_last": plan.bf16,
        "seed": seed,
        "device": "cpu",
    }


class Enough(Exception):  # noqa: N818
    """All has been measured."""


class InTurn(Terminal):
    """Halts a run at every so many steps, and has another take as many in between.

    What is shown goes nowhere, but as if it were shown on a terminal. ``ours`` has one stretch
    more than ``theirs``: each of theirs is held against the mean of its two neighbours.
    """

    def __init__(self, theirs: Turn, stretch: int, rounds: int) -> None:
        super().__init__(Console(file=io.StringIO(), force_terminal=True, width=100))
        self.other, self.stretch, self.rounds = theirs, stretch, rounds
        self.ours: list[Cost] = []
        self.theirs: list[Cost] = []
        self._began: Cost | None = None

    def step(self, step: int, epoch: str, loss: float, rate: float) -> None:
        super().step(step, epoch, loss, rate)
        if step % self.stretch:
            return
        if self._began is not None:
            self.ours.append(since(self._began))
        if len(self.ours) > self.rounds:
            raise Enough
        # Or the bar would be drawn in their time.
        if self._progress is not None:
            self._progress.stop()
        cost = self.other(self.stretch)
        if self._began is not None:
            self.theirs.append(cost)
        if self._progress is not None:
            self._progress.start()
        self._began = now()

    def pairs(self) -> Pairs:
        """Ours and theirs, round by round."""
        means = [Cost((a.wall + b.wall) / 2, (a.cpu + b.cpu) / 2) for a, b in pairwise(self.ours)]
        return list(zip(means, self.theirs, strict=True))


def random_part(count: int) -> Part:
    """Images that nothing can be learned from: how long a step takes does not depend on it."""
    import torch

    images = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8)
    return images, torch.arange(count) % 10


def steps_in_turn(
    case: Case, theirs: Callable[[Part], Other], plan: Plan, size: tuple[int, int]
) -> Pairs:
    """What stretches of steps take: all in one epoch, so that no test is among them."""
    stretch, rounds = size
    learn, test = random_part(plan.batch * stretch * (rounds + 4)), random_part(plan.batch)
    data = Data.held("noise", tuple("0123456789"), learn, test)
    with theirs(learn) as other, TemporaryDirectory() as folder, suppress(Enough):
        turn = InTurn(other, stretch, rounds)
        train(case.network(), data, {**recipe(plan), "epochs": 1}, folder, progress=turn)
    return turn.pairs()


def throughput(case: Case, plan: Plan, size: tuple[int, int], own: bool) -> Row:
    """How fast archlang's steps are beside those of the loop written by hand.

    That runs in a process of its ``own``, as anyone would run it; or in archlang's, where it has
    its memory as archlang has it.
    """

    def theirs(learn: Part) -> Other:
        once = replace(plan, epochs=1)
        if own:
            return apart(case.by_hand, learn, once)
        return nullcontext(turn_of(Loop(case.by_hand(), learn, learn, once).steps()))

    pairs = steps_in_turn(case, theirs, plan, size)
    kind = "bf16" if plan.bf16 else "float32"
    name = f"training steps, {case.model}, batch {plan.batch}, {kind}"
    peer = f"plain PyTorch, {'its own' if own else 'the same'} process"
    return time_row(name, peer, pairs, Goal("at least", 0.98))


def gain(case: Case, size: tuple[int, int]) -> Row:
    """What bfloat16 with channels innermost gains on float32, both archlang's."""
    import torch

    from archlang.train.loader import Batches, EvaluationBatches
    from archlang.train.loop import Course, Trainer
    from archlang.train.prepare import Preparation
    from archlang.train.recipe import Recipe
    from archlang.train.task import Classification

    plan = replace(case.plan, bf16=False, epochs=1)

    def theirs(learn: Part) -> Other:
        data = Data.held("noise", tuple("0123456789"), learn, learn)
        made, prepare = Recipe.of(recipe(plan)), Preparation.measured(data, (1, 28, 28))
        feed = Batches(data.train, prepare, made.augment, batch_size=plan.batch)
        judge = EvaluationBatches(data.test, prepare, batch_size=plan.batch)
        course = Course(Classification(data.classes), feed, judge, {})
        trainer = Trainer(case.network().to_torch(), course, made, torch.device("cpu"))
        return nullcontext(turn_of(trainer.advance() for _ in repeat(None)))

    pairs = steps_in_turn(case, theirs, replace(plan, bf16=True), size)
    name = f"training steps, {case.model}, batch {plan.batch}, bf16 and channels last"
    return time_row(name, "archlang, float32", pairs, Goal("at least", 1))


def interval(values: list[float], level: float = 0.95) -> tuple[float, float]:
    """Between which of the values the median lies with this probability, by their order alone."""
    n, ranked = len(values), sorted(values)
    cut, outside = 0, 2 / 2**n
    while cut + 1 < n / 2 and outside + 2 * comb(n, cut + 1) / 2**n <= 1 - level:
        cut += 1
        outside += 2 * comb(n, cut) / 2**n
    return ranked[cut], ranked[n - 1 - cut]


def speeds(names: list[str], quick: bool) -> list[Row]:
    """The rows of these cases; those of LeNet-5 are the same on all data."""
    small, large = ((5, 4), (2, 4)) if quick else ((25, 100), (8, 50))
    rows: list[Row] = []
    if "digits" in names:
        case = CASES["digits"]
        rows += [throughput(case, case.plan, small, own) for own in (True, False)]
    if "resnet" in names:
        case = CASES["resnet"]
        plans = [replace(case.plan, bf16=low) for low in (False, True)]
        rows += [throughput(case, plan, large, own) for plan in plans for own in (True, False)]
        rows.append(gain(case, large))
    return rows


def accuracies(case: Case, plan: Plan, seeds: int) -> Mapping[str, list[float]]:
    """The test accuracy after the last epoch, of both, by seed."""
    import torch

    from archlang.train.prepare import Preparation

    data = load(case.data)
    prepare = Preparation.measured(data, (1, 28, 28))
    learn = prepare.sized(data.train_images), data.train_labels
    test = prepare.sized(data.test_images), data.test_labels
    found: dict[str, list[float]] = {"archlang": [], "by hand": []}
    for seed in range(seeds):
        began = process_time()
        with TemporaryDirectory() as folder:
            done = train(case.network(), data, recipe(plan, seed), folder, progress=False)
        found["archlang"].append(done.accuracy)
        middle = process_time()
        torch.manual_seed(seed)
        loop = Loop(case.by_hand(), learn, test, plan)
        for _ in loop.steps():
            pass
        found["by hand"].append(loop.accuracies[-1])
        took = (middle - began) / 60, (process_time() - middle) / 60
        print(f"  seed {seed}: {done.accuracy:.2%} and {loop.accuracies[-1]:.2%},", end=" ")
        print(f"{took[0]:.1f} and {took[1]:.1f} CPU minutes", flush=True)
    return found


def verdict(found: Mapping[str, list[float]]) -> str:
    """Means, deviations, and whether the difference is more than what seeds do to it."""
    lines = []
    for name, values in found.items():
        spread = f" ± {stdev(values):.2%}" if len(values) > 1 else ""
        lines.append(f"  {name:8}  {mean(values):.2%}{spread} over {len(values)} seeds")
    ours, theirs = found.values()
    if min(len(ours), len(theirs)) > 1:
        error = sqrt(stdev(ours) ** 2 / len(ours) + stdev(theirs) ** 2 / len(theirs))
        apart = mean(ours) - mean(theirs)
        within = "within" if abs(apart) <= 2 * error else "more than"
        lines.append(f"  they differ by {apart:+.2%}, {within} two standard errors of {error:.2%}")
    return "\n".join(lines)


def compare(names: list[str], seeds: int, quick: bool) -> None:
    """Print what both reach."""
    for name in names:
        case = CASES[name]
        plan = replace(case.plan, epochs=2) if quick else case.plan
        print(f"{case.what}, {plan.epochs} epochs")
        try:
            print(verdict(accuracies(case, plan, seeds)))
        except TrainError as error:
            print(f"  left out: {error.message}; {error.hint}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the ratios there too")
    parser.add_argument("--seeds", type=int, metavar="N", help="accuracies over N seeds instead")
    parser.add_argument("--on", action="append", choices=CASES, help="of these alone")
    parser.add_argument("--quick", action="store_true", help="a few steps: does it run at all")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch; 1 unless given")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    if options.seeds:
        compare(options.on or list(CASES), options.seeds, options.quick)
        return
    rows = speeds(options.on or list(CASES), options.quick)
    report(rows, options.json)
    for row in rows:
        low, high = interval(row.cpu or row.ratios)
        print(f"{row.what}: CPU time {low:.3f}x to {high:.3f}x, 95 % interval of the median")


if __name__ == "__main__":
    main()
