"""The figures that ``require`` may ask of a network or a block, and what adds most to each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

from archlang.analyses.cost import NodeCost, Totals, costs, total
from archlang.analyses.excerpt import excerpt
from archlang.elaborate.problem import fail
from archlang.elaborate.values import Given, Measure, describe, written
from archlang.graph import Graph, Node, Part, Region
from archlang.op import Parameter
from archlang.step import Device
from archlang.wording import bytes_text

if TYPE_CHECKING:
    from archlang.analyses.memory.account import Memory, Setting
    from archlang.analyses.memory.ledger import Moment

SHOWN = 3
"""How many of the parts that add most to a figure are told."""
_EACH = frozenset(NodeCost._fields)
_IN_TRAINING_TOO = frozenset({"params", "buffers"})
_MEMORY = (
    Parameter("batch", True), Parameter("train", False, True),
    Parameter("optimizer", False, "adamw"), Parameter("dtype", False, "float32"),
    Parameter("device", False, "cpu"), Parameter("ema", False, False),
)  # fmt: skip


class ReceptiveField(int):
    """The receptive field of the last map, the least along any axis.

    That of what ``sees_all`` of its input is at least as large as any.
    """

    sees_all: bool

    def __ge__(self, other: object) -> bool:
        return self.sees_all or (isinstance(other, int) and int(self) >= other)

    def __gt__(self, other: object) -> bool:
        return self.sees_all or (isinstance(other, int) and int(self) > other)


@dataclass
class Figures:
    """The figures of a region of a network, worked out when they are asked for."""

    graph: Graph
    region: Region
    setting: Setting | None = None
    """How it will be run, where that is known: `memory` takes from it what it is not told."""
    accounts: dict[tuple[Setting, bool], Memory] = field(default_factory=dict)
    """The memory that was asked for, and whether for training."""

    def value(self, name: str) -> Any:
        """What a name of ``METRICS`` stands for."""
        match name:
            case "memory":
                return Measure(name, self._arguments, self.memory)
            case "receptive_field":
                return self.receptive_field
        return getattr(self.totals, name)

    @property
    def _arguments(self) -> tuple[Parameter, ...]:
        """Those of ``memory``, with the values that they have where nothing is said of them."""
        if self.setting is None:
            return _MEMORY
        given = self.setting
        return tuple(Parameter(p.name, False, getattr(given, p.name, p.default)) for p in _MEMORY)

    def words(self, name: str) -> list[str]:
        """The words that a figure's arguments may be."""
        every = _choices().values() if name == "memory" else []
        return [w for choices in every for w in choices if isinstance(w, str)]

    @cached_property
    def totals(self) -> Totals:
        """What the region costs."""
        whole = self.region is self.graph.root
        return total(self.graph, None if whole else self.region.nodes())

    @cached_property
    def part(self) -> Graph:
        """The region as a network of its own."""
        return excerpt(self.graph, self.region)

    @cached_property
    def receptive_field(self) -> ReceptiveField:
        """What the last map sees of what arrives."""
        from archlang.analyses.receptive import sight

        seen = sight(self.part)
        sizes = [] if seen.map is None else [s for s in seen.map.sizes if s is not None]
        found = ReceptiveField(min(sizes, default=0))
        found.sees_all = seen.sees_all
        return found

    def memory(self, bound: Mapping[str, Given]) -> int:
        """The bytes of the worst moment of a step, or of an inference; raises ``Problem``."""
        from archlang.analyses.memory.account import PRECISIONS, Memory, Setting

        takes = self._arguments
        values = {p.name: bound[p.name].value if p.name in bound else p.default for p in takes}
        for name, choices in _choices().items():
            if name in bound and values[name] not in choices:
                listed = ", ".join(map(written, choices))
                fail("A105", f"`{name}` is one of {listed}, not `{written(values[name])}`",
                     bound[name].span)  # fmt: skip
        batch, train = values["batch"], values.pop("train")
        if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
            shown = written(batch) if isinstance(batch, int) else describe(batch)
            fail("A105", f"`batch` is a whole number from 1, not {shown}", bound["batch"].span)
        values["dtype"] = PRECISIONS[values["dtype"]]
        setting = replace(self.setting or Setting(), **values)
        if (setting, train) not in self.accounts:  # what is not met is asked for again
            self.accounts[setting, train] = Memory(self.part, setting)
        return _worst(self.accounts[setting, train], train).total

    def made_of(self, name: str) -> Iterator[str]:
        """What adds most to a figure, in words."""
        rows, whole = self.largest(name), self.value(name)
        if len(rows) > 1:
            shares = [f"{label} {n:,} ({100 * n / whole:.0f} %)" for label, n in rows]
            yield f"most {name}: {', '.join(shares)}"
        if name != "memory":
            return
        from archlang.analyses.memory.ledger import said

        for (_, train), account in self.accounts.items():
            worst = _worst(account, train)
            kinds = sorted(worst.live.items(), key=lambda row: -row[1])[:SHOWN]
            most = ", ".join(f"{said(kind)} {bytes_text(n)}" for kind, n in kinds if n)
            at = f"{worst.phase} pass of `{worst.path}`" if worst.path else worst.phase
            yield f"the worst moment is in the {at}: {most}"

    def largest(self, name: str) -> list[tuple[str, int]]:
        """The parts of the region that add most to a figure, the largest first."""
        counted = "macs" if name == "flops" else name
        if counted not in _EACH:
            return []
        shares = [(self._label(p), sum(self._each(p, counted))) for p in self.region.members()]
        factor = 2 if name == "flops" else 1
        known = [(label, factor * share) for label, share in shares if share]
        return sorted(known, key=lambda row: -row[1])[:SHOWN]

    def _each(self, part: Part, counted: str) -> Iterator[int]:
        each, live = costs(self.graph), self.graph.live()
        for node in [part] if isinstance(part, Node) else part.nodes():
            if counted in _IN_TRAINING_TOO or node.index in live:
                yield getattr(each[node.index], counted)

    def _label(self, part: Part) -> str:
        path, scope = part.path or "", self.region.path
        local = path.removeprefix(f"{scope}.") if scope else path
        what = part.op.name if isinstance(part, Node) else part.name
        return local if local in ("", what) or not local.isdecimal() else f"{what} at {local}"


def _worst(account: Memory, train: bool) -> Moment:
    return account.step if train else account.inference


def _choices() -> dict[str, tuple[Any, ...]]:
    """What an argument of ``memory`` may be, where that is one of a few."""
    from archlang.analyses.memory.account import PRECISIONS
    from archlang.analyses.memory.optimizers import OPTIMIZERS

    return {
        "optimizer": tuple(OPTIMIZERS), "dtype": tuple(PRECISIONS),
        "device": get_args(Device), "train": (True, False), "ema": (True, False),
    }  # fmt: skip
