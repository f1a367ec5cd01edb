"""What is claimed of the input's sizes: comparisons of forms, and what logic makes of them."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

from archlang.sizes.forms import Form
from archlang.sizes.functions import RELATIONS
from archlang.sizes.regions import EVERYWHERE, NOWHERE, Region, solved


@dataclass(frozen=True, slots=True)
class Known:
    """A claim that no size of the input can change."""

    truth: bool

    @property
    def names(self) -> frozenset[str]:
        """The input sizes that it is about, as far as they are known."""
        return frozenset()

    def region(self) -> Region:
        return EVERYWHERE if self.truth else NOWHERE

    def holds(self, sizes: Mapping[str, int]) -> bool:
        return self.truth


@dataclass(frozen=True, slots=True)
class Compared:
    """``left relation right``. A form that is None is a size that cannot be stated."""

    left: Form | None
    relation: str
    right: Form | None

    @property
    def names(self) -> frozenset[str]:
        """The input sizes that it is about, as far as they are known."""
        return frozenset[str]().union(*(f.names for f in (self.left, self.right) if f is not None))

    def region(self) -> Region | None:
        """Where it holds; None where that cannot be stated. Raises ``TooLongError``."""
        if self.left is None or self.right is None:
            return None
        return solved(self.left, self.relation, self.right)

    def holds(self, sizes: Mapping[str, int]) -> bool | None:
        """Whether it holds at these sizes; None where that is not known."""
        if self.left is None or self.right is None:
            return None
        a, b = self.left.at(sizes), self.right.at(sizes)
        return None if a is None or b is None else RELATIONS[self.relation](a, b)


@dataclass(frozen=True, slots=True)
class Every:
    """All of several claims."""

    claims: tuple[Claim, ...]

    @property
    def names(self) -> frozenset[str]:
        """The input sizes that it is about, as far as they are known."""
        return frozenset[str]().union(*(c.names for c in self.claims))

    def region(self) -> Region | None:
        parts = [c.region() for c in self.claims]
        known = [p for p in parts if p is not None]
        return reduce(operator.and_, known, EVERYWHERE) if len(known) == len(parts) else None

    def holds(self, sizes: Mapping[str, int]) -> bool | None:
        truths = [c.holds(sizes) for c in self.claims]
        return False if False in truths else None if None in truths else True


@dataclass(frozen=True, slots=True)
class Not:
    """That a claim does not hold."""

    claim: Claim

    @property
    def names(self) -> frozenset[str]:
        """The input sizes that it is about, as far as they are known."""
        return self.claim.names

    def region(self) -> Region | None:
        inner = self.claim.region()
        return None if inner is None else ~inner

    def holds(self, sizes: Mapping[str, int]) -> bool | None:
        inner = self.claim.holds(sizes)
        return None if inner is None else not inner


Claim: TypeAlias = Known | Compared | Every | Not


def either(claims: tuple[Claim, ...]) -> Claim:
    """At least one of several claims."""
    return Not(Every(tuple(Not(c) for c in claims)))
