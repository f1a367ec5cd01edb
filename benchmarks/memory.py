"""The peak of a training step: ours and torchinfo's estimate, beside what PyTorch takes.

Not a ratio to a peer at work, so it has a table of its own: `python -m benchmarks.memory`.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from tests.memory.networks import BATCH, LONG, QUICK, batch_of, load
from tests.memory.tracker import measure_step

OPTIMIZERS = ("momentum", "adamw")


@dataclass(frozen=True, slots=True)
class Peak:
    """The peak of a step in bytes: measured, ours, and torchinfo's estimated total.

    That has no gradients of parameters and no optimizer state: ``completed`` adds them.
    """

    network: str
    optimizer: str
    measured: int
    ours: int
    torchinfo: int
    completed: int

    def off(self, said: int) -> float:
        """By how much of it the measured peak is missed, in percent."""
        return 100 * (said / self.measured - 1)


def run(names: list[str]) -> list[Peak]:
    import torch
    from torchinfo import summary

    from archlang.analyses.memory.account import Setting

    torch.set_num_threads(1)
    torch.manual_seed(0)
    found = []
    for name in names:
        print(f"{name} ...", file=sys.stderr)
        network = load(name)
        inputs, labels = batch_of(network)
        module = network.to_torch()
        theirs = summary(module, input_data=inputs, verbose=0, mode="train")
        estimate = theirs.total_input + theirs.total_output_bytes + theirs.total_param_bytes
        for optimizer in OPTIMIZERS:
            measured = measure_step(module, inputs, labels, optimizer, aux=network.aux).peak()
            ours = network.memory(Setting(BATCH, optimizer))
            completed = estimate + ours.gradients + ours.state
            found.append(Peak(name, optimizer, measured, ours.step.total, estimate, completed))
    return found


def table(peaks: list[Peak]) -> str:
    """The peaks as text, in columns."""
    head = f"{'network':22}{'optimizer':11}{'measured':>13}"
    lines = [f"{head}{'ours':>10}{'torchinfo':>11}{'+ gradients, state':>20}"]
    for p in peaks:
        offs = [p.off(said) for said in (p.ours, p.torchinfo, p.completed)]
        lines.append(
            f"{p.network:22}{p.optimizer:11}{p.measured / 1e6:>10.1f} MB"
            f"{offs[0]:>+9.3f}%{offs[1]:>+10.1f}%{offs[2]:>+19.1f}%"
        )
    columns = [
        [abs(p.off(said)) for p, said in zip(peaks, column, strict=True)]
        for column in zip(*((p.ours, p.torchinfo, p.completed) for p in peaks), strict=True)
    ]
    for what, value in (("median", median), ("worst", max)):
        a, b, c = (value(column) for column in columns)
        lines.append(f"{what:46}{a:>9.3f}%{b:>10.1f}%{c:>19.1f}%")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    parser.add_argument("--quick", action="store_true", help="the smaller networks alone")
    options = parser.parse_args()
    peaks = run([*QUICK] if options.quick else [*QUICK, *LONG])
    print(table(peaks))
    if options.json:
        Path(options.json).write_text(json.dumps([asdict(p) for p in peaks], indent=2) + "\n")
