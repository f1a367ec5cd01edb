"""A training run that is killed, again and again, until one of its lives reaches the end.

``python -m tests.train.victim OUT RECIPE SEED KILLS WORKERS`` prints what killed each life and the
SHA-256 of the weights, as JSON. PyTorch is loaded once: each life is a fork of this process.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
import torch._dynamo
import torch.profiler
import torchvision.transforms.v2  # noqa: F401  what each life would spend its time to load

from archlang import loads
from archlang.train import checkpoint, loop, scoring, train
from tests.train.networks import stripes

SPEC = """
model victim {
    input image: [1, 8, 8]
    conv(3x3, 4) -> bn -> relu -> flatten -> dropout(0.3) -> linear(3)
}
"""
MOMENTS = ("step", "half of a file", "before its name", "evaluation", "clock")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def nth(count: int, then: Callable[..., Any]) -> Callable[..., Any]:
    """``then``, but the ``count``-th call is the last thing that happens."""
    left = [count]

    def call(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            die()
        return then(*args, **kwargs)

    return call


def arm(moment: str, count: int) -> None:
    """Arrange for this process to be killed at the ``count``-th such moment."""
    patched: Any = checkpoint.os
    if moment == "step":
        owner: Any = loop.Trainer
        owner._update = nth(count, owner._update)
    elif moment == "half of a file":
        writer: Any = checkpoint._Writer
        whole = writer.write

        def half(self: Any, data: Any) -> int:
            data = bytes(data)
            whole(self, data[: len(data) // 2])
            self.file.flush()
            nth(1, die)()
            return len(data)

        left = [10 * count]

        def write(self: Any, data: Any) -> int:
            left[0] -= 1
            return half(self, data) if left[0] == 0 else int(whole(self, data))

        writer.write = write
    elif moment == "before its name":
        patched.replace = nth(count, patched.replace)
    elif moment == "evaluation":
        evaluating: Any = scoring
        evaluating.main_outputs = nth(-(-count // 3), evaluating.main_outputs)


def live(out: Path, recipe: dict[str, Any], moment: str, count: int) -> None:
    """One life, in a process of its own."""
    torch.set_num_threads(1)
    if moment:
        arm(moment, count)
    train(loads(SPEC), stripes(), recipe, out, progress=False)


def lives(out: Path, recipe: dict[str, Any], seed: int, kills: int) -> Iterator[str]:
    """Live until the end is reached, however often that takes; how each life ended."""
    chance = random.Random(seed)
    while True:
        moment, count = chance.choice(MOMENTS), chance.randint(1, 4)
        child = os.fork()
        if child == 0:
            try:
                live(out, recipe, moment if kills else "", count)
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", flush=True)
                os._exit(3)
            os._exit(0)
        if kills and moment == "clock":
            time.sleep(chance.uniform(0.05, 0.6))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            assert status == 0, f"a life ended with {os.WEXITSTATUS(status)}"
            return
        kills -= 1
        last = out / "last.pt"
        saved = checkpoint.load(last)["step"] if last.exists() else 0
        yield f"killed at {moment} {count}; saved is step {saved}"


def main(out: Path, recipe: dict[str, Any], seed: int, kills: int, workers: list[int]) -> None:
    """A run that nothing disturbs, and one with each number of workers that is killed."""
    list(lives(out / "whole", recipe, seed, 0))
    found: dict[str, Any] = {"whole": digest(out / "whole")}
    for count in workers:
        deaths = list(lives(out / f"{count}", {**recipe, "workers": count}, seed + count, kills))
        found[f"{count}"] = {"deaths": deaths, "digest": digest(out / f"{count}")}
    print(json.dumps(found))


def digest(out: Path) -> str:
    """The SHA-256 of all weights of the last step, and of the file of the best."""
    found = sha256((out / "weights.safetensors").read_bytes())
    state = checkpoint.load(out / "last.pt")
    for name, value in sorted(state["model"].items()):
        found.update(name.encode() + value.numpy().tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(json.loads, sys.argv[2:]))
