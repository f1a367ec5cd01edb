"""The values of what a spec leaves open by a ``?``: found, and proven for every legal size.

Values are tried by working the network out with them. At the default input every size that a
spec states is compared with the one inferred, and each comparison has a sign. A size along an
axis never turns back as one value grows: every layer's rule rises or is constant in the size that
arrives, and its output rises, falls or is constant in each of its figures. So where a comparison
is off the same way at two values it is off at all between, and a value is found by halving, as a
padding from c = 2p - d(k-1) - 1 + s. What refuses a value need not be so ordered (``groups``
divides, ``same`` wants an odd kernel): what a layer by itself accepts is asked of it number by
number, and the first values are always tried one by one.

Several ``?`` are found one after the other, each by the comparisons that those after it do not
move; where there are none, its first values are tried in turn. What fits the default input is
then worked out for all inputs, so that a solution is proven as any spec is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, TypeAlias

from archlang.analyses.proofs import prove
from archlang.analyses.requirements import check_requirements
from archlang.arguments import NATURAL, natural
from archlang.diagnostic import Diagnostic
from archlang.elaborate.unknown import Key, Landing, Met, Trial, takes
from archlang.graph import Graph
from archlang.op import Op
from archlang.source import Span
from archlang.types import Tensor

FAR = 1 << 20
"""The largest number that is tried for a ``?``."""
EACH, REFUSED = 16, 256
"""How many values are tried one by one, and how many where others are refused."""
MOST_WORK, TRIAL = 40_000, 20
"""How many layers are worked out to find the values of a network; as how many a trial counts."""
MOST = 4
"""How many solutions are looked for: one is the answer, more are listed."""
MOST_CORNERS = 4
"""How many ``?`` may have to be found together."""
MOST_PROOFS = 64
"""How many values that fit the default input are worked out for every one."""

Values: TypeAlias = dict[Span, Any]
Again: TypeAlias = Callable[[Trial], tuple[Graph | None, list[Diagnostic]]]
"""The network worked out with a trial's values."""


class TooMuchError(Exception):
    """More would have to be tried than is."""


class NoShapeError(Exception):
    """A ``?`` that no shape depends on."""

    def __init__(self, span: Span) -> None:
        super().__init__(str(span))
        self.span = span


@dataclass
class Run:
    """One trial: what it met, and what was found."""

    values: Values
    met: list[Met]
    took: Mapping[Span, tuple[Op, str, tuple[Tensor, ...]]]
    found: list[Diagnostic]

    def first(self, keys: frozenset[Key] | None = None) -> Met | None:
        """The first thing that is wrong; of ``keys`` alone, where given."""
        for met in self.met:
            if met.wrong and (keys is None or (met.finding is None and met.key in keys)):
                return met
        return None

    @property
    def compared(self) -> dict[Key, tuple[Any, Any]]:
        """The sizes that were compared."""
        return {m.key: (m.said, m.inferred) for m in self.met if m.finding is None}


class Attempt(Trial):
    """A trial, and what was found wrong with it."""

    found: list[Diagnostic]


@dataclass
class Search:
    """All that was found out about the ``?`` of one network."""

    again: Again
    everywhere: bool = True
    """Whether sizes have to grow with the input's as stated, though it may have few sizes."""
    order: list[Span] = field(default_factory=list)
    """The ``?`` in the order in which they are met."""
    landed: dict[Span, Landing | None] = field(default_factory=dict)
    base: Values = field(default_factory=dict)
    runs: dict[tuple[Any, ...], Run] = field(default_factory=dict)
    solutions: list[Values] = field(default_factory=list)
    refuted: list[tuple[Values, list[Diagnostic]]] = field(default_factory=list)
    """Values that fit the default input, and why they are no solution."""
    work: int = 0
    fixed: bool = False
    """Whether the input may have few sizes, so that nothing need grow with it."""
    cut: bool = False
    """Whether there may be solutions that were not tried."""

    def run(
        self, values: Mapping[Span, Any], keys: frozenset[Key] | None = None, whole: bool = True
    ) -> Run:
        """What comes of values; up to what is wrong (of ``keys``) where not the ``whole``."""
        key = (tuple((span, values[span]) for span in self.order if span in values), keys, whole)
        if key not in self.runs:
            trial = self.attempt(values, None if whole else lambda met: self.counts(met, keys))
            met = [m for m in trial.met if self.everywhere or not (m.growth and self.fixed)]
            self.runs[key] = Run(dict(values), met, trial.took, trial.found)
        return self.runs[key]

    def attempt(
        self, values: Mapping[Span, Any], until: Callable[[Met], bool] | None = None
    ) -> Attempt:
        """Work the network out with values; raises ``TooMuchError``."""
        if self.work > MOST_WORK:
            raise TooMuchError
        trial = Attempt(values, tracing=True, until=until)
        trial.found = self.again(trial)[1]
        self.work += TRIAL + trial.layers
        self.fixed = self.fixed or trial.fixed
        return trial

    @staticmethod
    def counts(met: Met, keys: frozenset[Key] | None) -> bool:
        """Whether something wrong ends a trial: growth may still turn out not to matter."""
        if met.growth:
            return False
        return keys is None or (met.finding is None and met.key in keys)

    def meet(self) -> None:
        """Find all ``?``, and for each a value that its layer takes."""
        while (trial := self.attempt(self.base)).open is not None:
            span = trial.open.span
            self.order.append(span)
            self.landed[span] = trial.landed[span]
            self.base[span] = self.domain(span)[0]
            accepted = self.accepted(span, self.base)
            if accepted:
                self.base[span] = accepted[0]

    def domain(self, span: Span) -> Sequence[Any]:
        """What may stand for a ``?``; raises ``NoShapeError`` where no shape depends on it."""
        landing = self.landed[span]
        found = range(NATURAL + 1) if landing is None else natural(*landing)
        if found is None:
            raise NoShapeError(span)
        return found

    def accepted(self, span: Span, values: Values) -> Sequence[Any]:
        """What its layer by itself accepts of it, all other values given."""
        domain, took = self.domain(span), self.run(values).took.get(span)
        if took is None:
            return domain
        op, name, tensors = took
        plain = tuple(Tensor(tuple(map(int, x.shape))) for x in tensors)

        def taken(value: Any) -> bool:
            return takes(op.model_copy(update={name: value}), plain)

        if all(map(taken, (*domain[:EACH], *domain[-EACH:]))):
            return domain
        return [v for v in domain if taken(v)]

    def solve(self) -> None:
        """Look for solutions until it is clear whether there is more than one."""
        for proofs, values in enumerate(self.fitting({})):
            if proofs == MOST_PROOFS:
                self.cut = True
                return
            graph, found = self.again(Trial(values))
            if graph is not None:
                found = [*found, *check_requirements(graph), *prove(graph)]
            if any(d.severity == "error" for d in found):
                self.refuted.append((values, found))
            else:
                self.solutions.append(values)
                if len(self.solutions) == MOST:
                    return

    def fitting(self, values: Values) -> Iterator[Values]:
        """The values that fit the default input, those of ``values`` given."""
        rest = [s for s in self.order if s not in values]
        if not rest:
            yield {s: values[s] for s in self.order}
            return
        span, found = self.next(values, rest)
        for value in found:
            yield from self.fitting({**values, span: value})

    def next(self, values: Values, rest: list[Span]) -> tuple[Span, Iterator[Any]]:
        """A ``?`` that something is said of, and the values that fit; else the first of them."""
        if len(rest) == 1:
            (span,) = rest
            accepted = self.accepted(span, {**values, span: self.base[span]})
            wrong = self.asked(values, span)
            return span, _and_multiples(wrong, _fitting(wrong, accepted))
        for span in rest:
            wrong, domain = self.asked(values, span), self.domain(span)
            if any(wrong(v) is not None for v in (*domain[:2], domain[-1])):
                return span, _fitting(wrong, domain)
        self.cut = self.cut or not self.beyond(values, rest)
        return rest[0], iter(self.domain(rest[0])[:EACH])

    def asked(self, values: Values, span: Span) -> Callable[[Any], Met | None]:
        """What is wrong with a value of one ``?``, whatever those after it are."""
        others = {s: v for s, v in self.base.items() if s not in values and s != span}
        keys = None
        if others:
            keys = self.unmoved({**values, span: self.base[span], **others}, list(others))

        def wrong(value: Any) -> Met | None:
            return self.run({**values, span: value, **others}, keys, whole=False).first(keys)

        return wrong

    def beyond(self, values: Values, rest: list[Span]) -> bool:
        """Whether all but the first values of the first ``?`` are known to be wrong.

        So it is where some comparison is off the same way at all corners of what they may be.
        """
        if len(self.domain(rest[0])) <= EACH:
            return True
        if len(rest) > MOST_CORNERS:
            return False
        ends = [(d[0], FAR if d[-1] == NATURAL else d[-1]) for d in map(self.domain, rest)]
        ends[0] = (self.domain(rest[0])[EACH], ends[0][1])
        signs: set[tuple[Key, int]] | None = None
        for corner in product(*ends):
            met = self.run({**values, **dict(zip(rest, corner, strict=True))}).met
            here = {(m.key, m.sign) for m in met if m.sign}
            signs = here if signs is None else signs & here
        return bool(signs)

    def unmoved(self, values: Values, later: list[Span]) -> frozenset[Key]:
        """The comparisons that no later ``?`` changes."""
        sizes = self.run(values).compared
        for span in later:
            domain = self.accepted(span, values)
            for other in {*domain[1:3], *domain[-1:]}:
                moved = self.run({**values, span: other}).compared
                sizes = {k: both for k, both in sizes.items() if moved.get(k) == both}
        return frozenset(sizes)


def _fitting(wrong: Callable[[Any], Met | None], domain: Sequence[Any]) -> Iterator[Any]:
    """The values with which nothing is wrong, the smallest first."""
    near = min(len(domain), EACH)
    for value in domain[:near]:
        if wrong(value) is None:
            yield value
    if len(domain) > near:
        yield from _between(wrong, domain, near - 1, len(domain) - 1)
    if domain and type(domain[-1]) is int and domain[-1] == NATURAL:
        further = range(NATURAL, FAR + 1)
        yield from _between(wrong, further, 0, len(further) - 1)


def _and_multiples(wrong: Callable[[Any], Met | None], found: Iterator[Any]) -> Iterator[Any]:
    """The same, and what is twice as large: it may fit where a value has to be divided."""
    seen = []
    for value in found:
        seen.append(value)
        yield value
    if len(seen) == 1 and type(seen[0]) is int and seen[0] and wrong(2 * seen[0]) is None:
        yield 2 * seen[0]


def _between(
    wrong: Callable[[Any], Met | None], domain: Sequence[Any], low: int, high: int
) -> Iterator[Any]:
    """The same for those behind ``low`` up to ``high``, by halving."""
    first, last = wrong(domain[low]), wrong(domain[high])
    if first is None and last is None:
        yield from domain[low + 1 : high + 1]
    elif first and last and (first.key, first.sign) == (last.key, last.sign):
        if first.sign == 0 and domain[low] < NATURAL:  # refused, which may skip some
            yield from (v for v in domain[low + 1 : min(high, REFUSED)] if wrong(v) is None)
    elif high - low == 1:
        if last is None:
            yield domain[high]
    else:
        middle = (low + high) // 2
        yield from _between(wrong, domain, low, middle)
        yield from _between(wrong, domain, middle, high)
