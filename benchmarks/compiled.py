"""A compiled ResNet-50 at work on the CPU: as fast as torchvision's, with the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import archlang
from benchmarks.paired import ROOT, Goal, Row, main, time_row, timed

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH, SIZE, THREADS = 4, 160, 2
ROUNDS = 31


def models(name: str, spec: str, size: int) -> tuple[nn.Module, nn.Module]:
    """A compiled model and torchvision's, after asserting that they compute the same."""
    import torch
    from torchvision.models import get_model

    options: dict[str, Any] = {"image_size": size} if name.startswith("vit_") else {}
    if name == "googlenet":
        options["init_weights"] = True  # or it warns that some day it will not
    theirs = get_model(name, weights=None, **options)
    inputs = {"image": (3, size, size)}
    ours = archlang.load(ROOT / "specs" / f"{spec}.arch", name, inputs=inputs).to_torch()
    ours.load_state_dict(theirs.state_dict())
    with torch.inference_mode():
        image = torch.randn(2, 3, size, size)
        torch.testing.assert_close(ours.eval()(image), theirs.eval()(image), rtol=1e-4, atol=1e-5)
    return ours, theirs


def training(model: nn.Module, batch: int, size: int) -> Callable[[], object]:
    """A training step without the optimiser: forward, loss, backward."""
    import torch
    from torch.nn import functional

    images = torch.randn(batch, 3, size, size)
    labels = torch.arange(batch)

    def run() -> None:
        model.train()
        model.zero_grad(set_to_none=True)
        losses = [functional.cross_entropy(y, labels) for y in outputs(model(images))]
        torch.stack(losses).sum().backward()

    return run


def outputs(given: Any) -> list[Tensor]:
    """The tensors that a model gives: one, or with side heads several."""
    import torch

    if torch.is_tensor(given):
        return [given]
    return list(given.values() if isinstance(given, dict) else given)


def evaluation(model: nn.Module, batch: int, size: int) -> Callable[[], object]:
    """A forward for evaluation."""
    import torch

    images = torch.randn(batch, 3, size, size)

    def run() -> None:
        model.eval()
        with torch.inference_mode():
            model(images)

    return run


WORK = {"forward and backward": training, "forward, evaluation": evaluation}


def run() -> list[Row]:
    import torch

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    ours, theirs = models("resnet50", "resnet", SIZE)
    rows = []
    for kind, work in WORK.items():
        pairs = timed(work(ours, BATCH, SIZE), work(theirs, BATCH, SIZE), ROUNDS)
        what = f"compiled ResNet-50, {kind}"
        rows.append(time_row(what, "torchvision", pairs, Goal("at most", 1.02)))
    return rows


if __name__ == "__main__":
    main(run)
