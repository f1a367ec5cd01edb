"""``archlang weights``: what others have trained, for a network of a spec."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlang.cli.common import (
    FINDINGS,
    File,
    InputShapes,
    ModelName,
    Settings,
    load_network,
    stop,
)
from archlang.cli.output import check_folder, write_files
from archlang.network import Network
from archlang.wording import shape_text

if TYPE_CHECKING:
    from torch import Tensor

    from archlang.backends.torch.state import State
    from archlang.backends.torch.weights import Match

ENDINGS = (".safetensors", ".pt", ".pth")
SHOWN = 12
"""How many lines of one kind a report has."""


class Report(StrEnum):
    """What the report is printed as."""

    text = "text"
    json = "json"


class Only(StrEnum):
    """What to match by, where it is not both."""

    name = "name"


def weights(
    file: File,
    from_: Annotated[Path, typer.Option("--from", help="What to read: .safetensors, .pt or .pth.")],
    model: ModelName = None,
    set_: Settings = None,
    input_: InputShapes = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where to write: .safetensors, .pt or .pth."),
    ] = None,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial/--strict",
            help="Write even if some tensors find no value; they keep their initial ones.",
        ),
    ] = False,
    map_: Annotated[
        Path | None,
        typer.Option("--map", help='JSON: paths in the file to paths here, {"head": "fc"}.'),
    ] = None,
    only: Annotated[Only | None, typer.Option(help="Match by name alone.")] = None,
    seed: Annotated[int, typer.Option(help="For the initial values, with --partial.")] = 0,
    format_: Annotated[Report, typer.Option("--format", "-f", help="Printed as.")] = Report.text,
) -> None:
    """Fit saved weights to a network: by name, then by structure; says what went where.

    Without -o it only reports.
    """
    network = load_network(file, model, set_, input_)
    _check(output)
    from archlang.backends.torch.state import SAFETENSORS, StateError, read, save
    from archlang.backends.torch.weights import MapError, match, merged

    rules = _rules(map_) if map_ is not None else {}
    try:
        state = read(from_)
        mine = _initial(network, seed if output is not None and partial else None)
        found = match(mine, state.tensors, rules=rules, structure=only is None)
    except StateError as error:
        stop(error.message, hint=error.hint)
    except MapError as error:
        stop(f"{map_} does not fit {from_}: {error}")
    written = output is not None and (found.complete or partial)
    report = _Report(network, from_, state, mine, found, only)
    if format_ is Report.json:
        print(json.dumps({**report.to_json(), "written": str(output) if written else None}))
    else:
        print("\n".join(report.lines()))
    if output is not None and written:
        values = merged(mine, state.tensors, found)
        safe = output.suffix == SAFETENSORS
        write_files(output, lambda path: save(values, path, network.name, safetensors=safe))
        if format_ is Report.text:
            print(f"written to {output}")
    if not found.complete and not partial:
        stop(
            f"{_count(len(found.missing), 'tensor')} of {network.name} would have no value"
            + (": nothing is written" if output is not None else ""),
            FINDINGS,
            "with --partial they keep their initial values",
        )


def _check(output: Path | None) -> None:
    """End the program where what is asked cannot be done, before anything is read."""
    if output is not None:
        if output.suffix not in ENDINGS:
            stop(
                f"cannot tell what to write from the name {output}",
                hint=f"it can end in {', '.join(ENDINGS)}",
            )
        check_folder(output)
    if missing := [p for p in ("torch", "safetensors") if find_spec(p) is None]:
        what = "PyTorch" if "torch" in missing else " and ".join(missing)
        stop(f"weights need {what}, which is not installed", hint="pip install 'archlang[torch]'")


def _rules(path: Path) -> dict[str, str]:
    """The renamings in a file; ends the program where it is none."""
    try:
        rules = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        stop(f"cannot read {path}: {(error.strerror or str(error)).lower()}")
    except ValueError:
        stop(f"{path} is not JSON")
    if not isinstance(rules, dict) or not all(isinstance(v, str) for v in rules.values()):
        stop(
            f"{path} does not map paths to paths",
            hint='paths in the file to paths of the network, as in {"head": "fc"}',
        )
    return rules


def _initial(network: Network, seed: int | None) -> dict[str, Tensor]:
    """The network's tensors as they are initialised; without a seed, only their shapes."""
    import torch

    if seed is None:
        return network.to_torch("meta").state_dict()
    torch.manual_seed(seed)
    return network.to_torch().state_dict()


class _Report:
    """What was matched, in words and as data."""

    def __init__(
        self,
        network: Network,
        file: Path,
        state: State,
        mine: Mapping[str, Tensor],
        found: Match,
        only: Only | None,
    ) -> None:
        self.network = network
        self.file = file
        self.state = state
        self.mine = mine
        self.found = found
        self.only = only

    def to_json(self) -> dict[str, Any]:
        """As plain data: keys of the network and of the file, none left out."""
        found, theirs = self.found, self.state.tensors
        return {
            "model": self.network.name,
            "from": str(self.file),
            "inside": self.state.inside,
            "prefix": found.prefix,
            "ignored": list(self.state.ignored),
            "by_name": found.by_name,
            "by_structure": found.by_structure,
            "by_order": found.by_order,
            "doubtful": found.doubtful,
            "counters": found.counters,
            "differing": [
                {"key": a, "shape": list(self.mine[a].shape), "file": list(theirs[b].shape)}
                for a, b in found.differing
            ],
            "missing": found.missing,
            "unused": found.unused,
        }

    def lines(self) -> Iterator[str]:
        """In words: what came from where, what did not, and what to know about it."""
        found, theirs = self.found, self.state.tensors
        name = self.network.name
        inside = f" (in its {self.state.inside})" if self.state.inside else ""
        yield f"{name} has {_count(len(self.mine), 'tensor')}, {self.file} {len(theirs):,}{inside}"
        if self.state.ignored:
            yield f"no tensors, and passed over: {', '.join(self.state.ignored[:SHOWN])}"
        bare = f", without its prefix `{found.prefix}`" if found.prefix else ""
        yield f"by name: {len(found.by_name):,}{bare}"
        if self.only is None:
            yield f"by structure: {len(found.by_structure):,}"
            yield from self._structure()
        if found.counters:
            yield f"set to 0: {_count(len(found.counters), 'batch counter')} that the file lacks"
        yield from self._listed("shapes that disagree", map(self._differing, found.differing))
        apart = {a for a, _ in found.differing}
        yield from self._listed(
            f"{name} has, the file lacks",
            (self._shown(k, self.mine[k]) for k in found.missing if k not in apart),
        )
        used = {b for _, b in found.differing}
        yield from self._listed(
            f"the file has, {name} does not take",
            (self._shown(k, theirs[k]) for k in found.unused if k not in used),
        )
        yield from self._conversions()

    def _structure(self) -> Iterator[str]:
        from archlang.backends.torch.weights import renames

        found = self.found
        yield from _cut([f"  {a} <- {b}" for a, b in renames(found.modules)])
        if found.by_order:
            equals = _count(len(found.by_order), "module")
            order = "by the order of their names" if self.state.sorted else "by their order"
            yield f"  {equals} of these hold the same as others, and went {order}"
        if found.doubtful:
            yield f"  {_count(len(found.doubtful), 'module')} could as well have gone elsewhere:"
            yield from _cut([f"    {path}" for path in found.doubtful])

    def _differing(self, pair: tuple[str, str]) -> str:
        mine, theirs = self.mine[pair[0]], self.state.tensors[pair[1]]
        kinds = mine.is_floating_point() != theirs.is_floating_point()
        ours, other = (
            shape_text(tuple(t.shape)) + (f" {_kind(t)}" if kinds else "") for t in (mine, theirs)
        )
        return f"{pair[0]} {ours} in {self.network.name}, {other} in the file"

    def _shown(self, key: str, tensor: Tensor) -> str:
        return f"{key} {shape_text(tuple(tensor.shape))}"

    def _listed(self, head: str, lines: Iterator[str]) -> Iterator[str]:
        if items := list(lines):
            yield f"{head}: {len(items):,}"
            yield from _cut([f"  {item}" for item in items])

    def _conversions(self) -> Iterator[str]:
        pairs = ((self.mine[a], self.state.tensors[b]) for a, b in self.found.sources.items())
        changed = Counter((_kind(b), _kind(a)) for a, b in pairs if a.dtype != b.dtype)
        for (old, new), count in changed.items():
            yield f"converted from {old} to {new}: {count:,}"


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _cut(lines: Sequence[str]) -> Iterator[str]:
    """At most ``SHOWN`` lines, and how many more there are."""
    yield from lines[:SHOWN]
    if len(lines) > SHOWN:
        indent = " " * (len(lines[0]) - len(lines[0].lstrip()))
        yield f"{indent}and {len(lines) - SHOWN:,} more (--format json has all)"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
