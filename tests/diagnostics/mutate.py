"""Mutations by the thousand, and how what is said of them is spread.

python -m tests.diagnostics.mutate 5000 [--seed 0] [--torch 0.2] [--minutes 10]
python -m tests.diagnostics.mutate 500 --shapes     # those that break a shape, no others
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence

from tests.diagnostics.mutations import (
    KINDS,
    SPECS,
    Mutation,
    Outcome,
    breaks_a_shape,
    mutated,
    outcome,
    runs,
    try_fixes,
)

LIMIT = 1.0
"""Seconds of processor time that a check may take."""


def main() -> int:
    """Mutate, check, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--torch", type=float, default=0.2, help="how many of the right ones run")
    parser.add_argument("--minutes", type=float, default=None, help="stop after so many")
    parser.add_argument("--show", type=int, default=15, help="examples of each trouble")
    parser.add_argument("--fixes", action="store_true", help="make each fix, and check again")
    parser.add_argument("--shapes", action="store_true", help="only those that break a shape")
    options = parser.parse_args()
    r = random.Random(options.seed)
    outcomes, refused = [], []
    until = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
    for number in range(options.count):
        if time.monotonic() > until:
            break
        one = outcome(_drawn(r, options.shapes))
        if one.right and one.checked is not None and r.random() < options.torch:
            said = runs(one.checked, r)
            if said:
                refused.append(f"{one.mutation}: {said}")
        one.checked = None
        if options.fixes:
            try_fixes(one)
        outcomes.append(one)
        if number % 250 == 249:
            print(f"{number + 1} …", file=sys.stderr, flush=True)
    _tell(outcomes, options.show)
    _examples("accepted, and PyTorch does not run it", refused, options.show)
    return int(bool(refused) or any(o.failure for o in outcomes))


def _drawn(r: random.Random, shapes: bool) -> Mutation:
    while True:
        mutation = mutated(r.choice(SPECS), r)
        if not shapes or breaks_a_shape(mutation):
            return mutation


def _tell(outcomes: Sequence[Outcome], show: int) -> None:
    wrong = [o for o in outcomes if not o.right and not o.failure]
    print(
        f"{len(outcomes)} mutations: {len(outcomes) - len(wrong)} still check, {len(wrong)} do not"
    )
    for kind in KINDS:
        of = [o for o in outcomes if o.mutation.kind == kind]
        print(f"  {kind:10} {len(of):5}  refused {sum(not o.right for o in of):5}")
    _spread("diagnostics", wrong, lambda o: len(o.found))
    _spread("lines to the nearest primary span", wrong, lambda o: o.distance(every=False))
    _spread("lines to the nearest span", wrong, lambda o: o.distance(every=True))
    _spread("codes", wrong, lambda o: o.found[0].code if o.found else "none")
    seconds = sorted(o.seconds for o in outcomes)
    at = {p: seconds[min(len(seconds) - 1, len(seconds) * p // 100)] for p in (50, 90, 99)}
    print(f"seconds: {', '.join(f'{p} % within {s:.2f}' for p, s in at.items())}, "
          f"the longest {seconds[-1]:.2f}")  # fmt: skip
    _rate("right suggestions for typos in names", [o.suggested for o in wrong])
    _rate("fixes offered for broken shapes", [o.fixed for o in wrong])
    for kind in KINDS:
        _rate(f"  {kind}", [o.fixed for o in wrong if o.mutation.kind == kind])
    offered = [o for o in wrong if o.fixed]
    _rate("of these, the first gives the text before", [o.restored(first=True) for o in offered])
    _rate("of these, one gives the text before", [o.restored(first=False) for o in offered])
    _rate("fixes that check where they are made", [a for o in wrong for a in o.applied])
    _examples("failures", [f"{o.mutation}: {o.failure}" for o in outcomes if o.failure], show)
    _examples("more than three diagnostics", [_said(o) for o in wrong if len(o.found) > 3], show)
    far = [o for o in wrong if (o.distance(every=True) or 0) > 1 or o.distance(every=True) is None]
    _examples("no span near", [_said(o) for o in far], show)
    slow = sorted((o for o in outcomes if o.seconds > LIMIT), key=lambda o: -o.seconds)
    _examples(f"slower than {LIMIT} s", [f"{o.seconds:.2f} s {_said(o)}" for o in slow], show)
    _examples("no fix", [_said(o) for o in wrong if o.fixed is False], show)
    broken = [f"{_said(o)}: {t!r}" for o in wrong for t in o.unsound]
    _examples("a fix that does not check", broken, show)
    _examples("no right suggestion", [_said(o) for o in wrong if o.suggested is False], show)


def _spread(what: str, of: Sequence[Outcome], key: Callable[[Outcome], object]) -> None:
    counts = Counter(key(o) for o in of)
    shown = sorted(counts.items(), key=lambda p: (-p[1], str(p[0])))[:14]
    print(f"{what}: {', '.join(f'{k}: {n} ({100 * n / len(of):.1f} %)' for k, n in shown)}")


def _rate(what: str, answers: Sequence[bool | None]) -> None:
    known = [a for a in answers if a is not None]
    if known:
        print(f"{what}: {sum(known)} of {len(known)} ({100 * sum(known) / len(known):.1f} %)")


def _said(one: Outcome) -> str:
    found = "; ".join(f"{d.code} {d.span.line}: {d.message} ({d.label})" for d in one.found[:5])
    return f"{one.mutation}: {len(one.found)}: {found}"


def _examples(what: str, lines: Sequence[str], show: int) -> None:
    if lines:
        print(f"\n{what}: {len(lines)}")
        for line in lines[:show]:
            print(f"  {line}")


if __name__ == "__main__":
    sys.exit(main())
