"""Weights that others have saved, for a network of a spec: by name, then by structure.

By structure, modules are compared by what they hold: the roles of their tensors (weight, bias,
running mean, …) and the shapes. Where both sides hold the same modules, as often, those that
are alike are taken in order. Otherwise the longest sequence that both have in common is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from archlang.types import Shape

PREFIXES = ("module.", "_orig_mod.", "model.")
"""What wrappers put before every key: data parallelism, ``torch.compile``, trainers."""
COUNTER = "num_batches_tracked"
ROLES = {
    "weight": "weight",
    "bias": "bias",
    "running_mean": "running_mean",
    "running_var": "running_var",
    COUNTER: COUNTER,
    "in_proj_weight": "weight",
    "in_proj_bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""The last part of a key, and what the tensor is to its module; others stand alone."""

Form: TypeAlias = tuple[Shape, bool]
"""A tensor's shape, and whether it holds real numbers."""
Kind: TypeAlias = frozenset[tuple[str, Form]]
"""What a module holds, its counters aside: roles and forms."""


@dataclass(slots=True)
class Module:
    """Tensors that belong together: ``keys`` by role."""

    path: str
    keys: dict[str, str] = field(default_factory=dict)
    forms: dict[str, Form] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        return frozenset((r, f) for r, f in self.forms.items() if r != COUNTER)


@dataclass(slots=True)
class Match:
    """Where each tensor of a network comes from.

    ``by_name`` and ``by_structure`` give for a key of the network the file's key. ``modules``
    are the paths of what was matched by structure, the network's and the file's. Of these,
    ``by_order`` (paths in the network) hold the same as others, and were told apart by
    their order alone; ``doubtful`` could as well have been matched to others, in order too,
    or stand in another order than what was matched by name.
    ``counters`` are batch counters that the file lacks: they become 0. ``differing`` bear
    one name but another shape. ``missing`` are the network's keys without a value, and
    ``unused`` the file's keys that nothing takes. ``prefix`` was left off the file's keys.
    """

    by_name: dict[str, str] = field(default_factory=dict)
    by_structure: dict[str, str] = field(default_factory=dict)
    modules: list[tuple[str, str]] = field(default_factory=list)
    by_order: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    counters: list[str] = field(default_factory=list)
    differing: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    prefix: str = ""

    @property
    def sources(self) -> dict[str, str]:
        """For each key of the network that has one, the file's key."""
        return self.by_name | self.by_structure

    @property
    def complete(self) -> bool:
        """Whether every tensor of the network has a value."""
        return not self.missing


class MapError(ValueError):
    """Rules of renaming that do not fit the keys that they are for; the message says why."""


def match(
    network: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    *,
    rules: Mapping[str, str] | None = None,
    structure: bool = True,
) -> Match:
    """Where each tensor of ``network`` comes from among those ``given``.

    Both are state dicts, in the order of their modules; only shapes and kinds are looked at,
    so tensors may be on the meta device. Equal names with equal shapes come first; then, with
    ``structure``, modules that hold the same. Nothing is given to two tensors.

    ``rules`` rename ``given`` keys first: each leading path that is a rule's key, the longest
    there is, becomes the rule's value. Raises ``MapError`` where a rule is for no key, or two
    keys would bear one name.
    """
    prefix, names = _names(network, given, rules or {})
    found = Match(prefix=prefix)
    for key, tensor in network.items():
        if key in names and _form(given[names[key]]) == _form(tensor):
            found.by_name[key] = names[key]
    if structure:
        _by_structure(found, network, given)
    taken = set(found.sources.values())
    left = [k for k in network if k not in found.sources]
    found.counters = [k for k in left if _is_counter(k, network, found.sources)]
    found.missing = [k for k in left if k not in set(found.counters)]
    found.differing = [(k, names[k]) for k in left if k in names and names[k] not in taken]
    found.unused = [k for k in given if k not in taken]
    return found


def merged(
    network: Mapping[str, Tensor], given: Mapping[str, Tensor], found: Match
) -> dict[str, Tensor]:
    """The network's state: values from ``given`` where matched, counters 0, the rest as it is."""
    state = dict(network)
    for key, source in found.sources.items():
        state[key] = given[source].to(network[key].dtype)
    for key in found.counters:
        state[key] = torch.zeros(network[key].shape, dtype=network[key].dtype)
    return state


def renames(modules: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs of paths shortened by what they end in alike, each rule once.

    ``layer1.0.conv1`` from ``blocks.0.0.conv1`` and its neighbours become ``layer1.*`` from
    ``blocks.0.*``.
    """
    rules = []
    for mine, theirs in modules:
        a, b = mine.split("."), theirs.split(".")
        cut = False
        while a and b and a[-1] == b[-1]:
            cut = bool(a.pop() and b.pop())
        rules.append((".".join([*a, "*"]), ".".join([*b, "*"])) if cut else (mine, theirs))
    return list(dict.fromkeys(rules))


def _form(tensor: Tensor) -> Form:
    return tuple(tensor.shape), tensor.is_floating_point()


def _names(
    network: Iterable[str], given: Iterable[str], rules: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    """The prefix to leave off, and the file's keys by the names they then have.

    Of all that every key begins with, the one that makes the most names equal.
    """
    keys, known = list(given), set(network)
    prefix = best = ""
    names = {_renamed(k, rules): k for k in keys}
    while more := next((p for p in PREFIXES if _begin(keys, prefix + p)), ""):
        prefix += more
        bare = {_renamed(k[len(prefix) :], rules): k for k in keys}
        if len(known & bare.keys()) > len(known & names.keys()):
            best, names = prefix, bare
    if idle := [r for r in rules if not any(_under(k[len(best) :], r) for k in keys)]:
        raise MapError(f"`{idle[0]}` is no key, and no key begins with it")
    if len(names) < len(keys):
        lost = next(k for k in keys if k not in names.values())
        raise MapError(f"two keys would become `{_renamed(lost[len(best) :], rules)}`")
    return best, names


def _begin(keys: Sequence[str], prefix: str) -> bool:
    return bool(keys) and all(key.startswith(prefix) for key in keys)


def _under(key: str, path: str) -> bool:
    return f"{key}.".startswith(f"{path}.")


def _renamed(key: str, rules: Mapping[str, str]) -> str:
    path = max((r for r in rules if _under(key, r)), key=len, default=None)
    return key if path is None else (rules[path] + key[len(path) :]).removeprefix(".")


def _is_counter(key: str, network: Mapping[str, Tensor], sources: Mapping[str, str]) -> bool:
    """Whether a key is a batch counter of a norm whose other tensors all have a value."""
    head, _, last = key.rpartition(".")
    own = (
        [k for k in network if k.rpartition(".")[0] == head and k != key] if last == COUNTER else []
    )
    return bool(own) and all(k in sources for k in own)


def _path(key: str) -> str:
    """The module that a tensor belongs to: the tensor itself, where its role is not known."""
    head, dot, last = key.rpartition(".")
    return head if dot and last in ROLES else key


def _modules(keys: Iterable[str], tensors: Mapping[str, Tensor]) -> list[Module]:
    """The modules that tensors belong to, in order; a tensor of no known role is its own."""
    found: dict[str, Module] = {}
    for key in keys:
        path = _path(key)
        role = ROLES[key.rpartition(".")[2]] if path != key else ""
        module = found.setdefault(path, Module(path))
        module.keys[role], module.forms[role] = key, _form(tensors[key])
    return [m for m in found.values() if m.kind]


def _by_structure(found: Match, network: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    taken = set(found.by_name.values())
    mine = _modules((k for k in network if k not in found.by_name), network)
    theirs = _modules((k for k in given if k not in taken), given)
    here, there = Counter(m.kind for m in mine), Counter(m.kind for m in theirs)
    if here == there:
        pairs, doubtful = _alike(mine, theirs), set[str]()
    else:
        pairs, doubtful = _in_common(mine, theirs)
    doubtful |= _crossing(found, pairs, network, given)
    for a, b in pairs:
        found.modules.append((a.path, b.path))
        found.by_structure |= {
            key: b.keys[r] for r, key in a.keys.items() if b.forms.get(r) == a.forms[r]
        }
        if here[a.kind] > 1 or there[a.kind] > 1:
            found.by_order.append(a.path)
        if a.path in doubtful:
            found.doubtful.append(a.path)


def _crossing(
    found: Match,
    pairs: Sequence[tuple[Module, Module]],
    network: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
) -> set[str]:
    """The paths of pairs that stand before a match by name on one side, and behind on the other.

    Only modules that hold the same count: names such as ``2.weight`` may agree by accident.
    """
    here = {m.path: i for i, m in enumerate(_modules(network, network))}
    there = {m.path: i for i, m in enumerate(_modules(given, given))}
    named: defaultdict[Kind, list[tuple[int, int]]] = defaultdict(list)
    for module in _modules(found.by_name, network):
        theirs = _path(found.by_name[next(iter(module.keys.values()))])
        named[module.kind].append((here[module.path], there[theirs]))
    return {
        a.path
        for a, b in pairs
        if any((here[a.path] < i) != (there[b.path] < j) for i, j in named[a.kind])
    }


def _alike(mine: Sequence[Module], theirs: Sequence[Module]) -> list[tuple[Module, Module]]:
    """Pairs of modules that hold the same, both sides holding as many of each: in order."""
    by_kind: defaultdict[Kind, list[Module]] = defaultdict(list)
    for module in reversed(theirs):
        by_kind[module.kind].append(module)
    return [(module, by_kind[module.kind].pop()) for module in mine]


def _in_common(
    mine: Sequence[Module], theirs: Sequence[Module]
) -> tuple[list[tuple[Module, Module]], set[str]]:
    """The longest sequence of modules that both have, and what holds something alone on each side.

    With them the paths of those whose place in such a sequence another could take: what has
    one place in all of them has it in the first and in the last.
    """
    a, b = [m.kind for m in mine], [m.kind for m in theirs]
    first = _longest(a, b)
    backwards = _longest(a[::-1], b[::-1])
    last = {len(a) - 1 - i: len(b) - 1 - j for i, j in backwards}
    alike = {kind for kind in a if a.count(kind) > 1 or b.count(kind) > 1}
    doubtful = {mine[i].path for i, j in first if last.get(i) != j and a[i] in alike}
    pairs = [(mine[i], theirs[j]) for i, j in first]
    done = {id(module) for pair in pairs for module in pair}
    alone = {m.kind: m for m in theirs if b.count(m.kind) == 1 and id(m) not in done}
    pairs += [
        (m, alone[m.kind])
        for m in mine
        if m.kind in alone and a.count(m.kind) == 1 and id(m) not in done
    ]
    return pairs, doubtful


def _longest(a: Sequence[Kind], b: Sequence[Kind]) -> list[tuple[int, int]]:
    """The indices of a longest common subsequence: of those there are, the earliest."""
    numbers: dict[Kind, int] = {}
    x = [numbers.setdefault(k, len(numbers)) for k in a]
    y = [numbers.setdefault(k, len(numbers)) for k in b]
    length = [[0] * (len(y) + 1) for _ in range(len(x) + 1)]
    for i in reversed(range(len(x))):
        row, below = length[i], length[i + 1]
        for j in reversed(range(len(y))):
            row[j] = below[j + 1] + 1 if x[i] == y[j] else max(row[j + 1], below[j])
    pairs, i, j = [], 0, 0
    while i < len(x) and j < len(y):
        if x[i] == y[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif length[i + 1][j] >= length[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs
