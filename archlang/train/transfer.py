"""From one task to another: weights taken over by name, parts held still, deeper parts faster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from archlang.backends.torch.state import StateError, read
from archlang.backends.torch.weights import match, merged
from archlang.spelling import nearest
from archlang.train import checkpoint
from archlang.train.errors import UsageError
from archlang.train.folder import RunFolder
from archlang.train.recipe import Recipe
from archlang.train.saved import weights_of
from archlang.train.setting import named, paths
from archlang.train.shards import filled
from archlang.wording import shape_text

Shape = tuple[int, ...]
SCALE = "lr_scale"
"""What a parameter group's rate is multiplied by, under this name in the group."""


@dataclass(frozen=True)
class Taken:
    """What became of weights in a network, by the names of its ``state_dict``.

    ``loaded`` have a value of the file's. ``fresh`` were to keep their initial values,
    ``differing`` keep them because the file has another shape (there, here), ``missing`` because
    it has none. ``unused`` are names of the file that nothing takes.
    """

    source: Path
    loaded: tuple[str, ...]
    fresh: tuple[str, ...]
    differing: Mapping[str, tuple[Shape, Shape]]
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def lines(self, most: int = 5) -> list[str]:
        """It in words: a line for what was loaded, and one for each kind that was not."""
        total = len(self.loaded) + len(self.fresh) + len(self.differing) + len(self.missing)
        shapes = (f"{n} {shape_text(a)} → {shape_text(b)}" for n, (a, b) in self.differing.items())
        kinds = {
            "left fresh": self.fresh,
            "of another shape, left fresh": tuple(shapes),
            "not in the file, left fresh": self.missing,
            "in the file alone": self.unused,
        }
        found = [f"{len(self.loaded)} of {total} tensors are from {self.source}"]
        for what, names in kinds.items():
            if names:
                more = f", … ({len(names)} in all)" if len(names) > most else ""
                found.append(f"{what}: {', '.join(names[:most])}{more}")
        return found


def begin(module: nn.Module, recipe: Recipe, *, anew: bool) -> list[str]:
    """What a recipe says of a run's beginning: ``init``, unless it goes on, and ``freeze``.

    Gives remarks. Raises ``UsageError`` as ``load_into`` and ``freeze`` do.
    """
    remarks: list[str] = []
    if recipe.init is not None and anew:
        remarks += load_into(module, recipe.init.weights, fresh=recipe.init.fresh).lines()
    if recipe.freeze:
        held = freeze(module, recipe.freeze)
        count = sum(p.numel() for p in module.parameters() if not p.requires_grad)
        remarks.append(f"frozen: {len(held)} tensors, {count:,} parameters")
    return remarks


def optimizer_of(module: nn.Module, recipe: Recipe) -> Optimizer:
    """The recipe's optimizer; with ``layer_decay``, its groups are ``scaled_groups``."""
    made = recipe.build_optimizer(module.parameters())
    if recipe.layer_decay == 1:
        return made
    fields = ("params", "weight_decay")
    groups = [{name: group[name] for name in fields} for group in made.param_groups]
    return recipe.optimizer.build(scaled_groups(module, groups, recipe.layer_decay))


def load_into(module: nn.Module, source: str | Path, *, fresh: Sequence[str] = ()) -> Taken:
    """Give ``module`` the weights of ``source`` that bear the same names and shapes.

    ``source`` is a run's folder (its best epoch, and their running mean where it kept one), one
    of our checkpoints, or a file of others, ``.safetensors``, ``.pt`` or ``.pth``; what wrappers
    put before names is left off. A new head has another shape, and keeps its initial values; so
    do the tensors that a glob in ``fresh`` names, as ``fc`` or ``layer4*``. Raises ``UsageError``
    where the file cannot be read, where a glob names nothing, and where nothing fits.
    """
    path, given = _read(Path(source).expanduser())
    mine = module.state_dict()
    kept = [name for name in mine if named(name, fresh)]
    _check_globs(fresh, list(mine), "to leave fresh")
    wanted = {name: value for name, value in mine.items() if name not in kept}
    found = match(wanted, given, structure=False)
    if not found.sources:
        raise UsageError(
            f"no tensor of {path} bears a name and has a shape of the network's",
            f"it has {_some(list(given))}, and the network {_some(list(wanted))}; "
            "`archlang weights` fits them by structure",
        )
    module.load_state_dict({**mine, **merged(wanted, given, found)})
    differing = {
        here: (tuple(given[there].shape), tuple(mine[here].shape))
        for here, there in found.differing
    }
    lacking = [name for name in found.missing if name not in differing]
    prefix = found.prefix
    apart = {*(there for _, there in found.differing), *(prefix + name for name in kept)}
    return Taken(
        path,
        (*found.sources, *found.counters),
        tuple(kept),
        differing,
        tuple(lacking),
        tuple(name for name in found.unused if name not in apart),
    )


def freeze(module: nn.Module, globs: Sequence[str]) -> list[str]:
    """Hold the parameters that ``globs`` name still; gives their names.

    A glob is matched with the name of a parameter and of every module it is in: ``layer1`` and
    ``layer[12]*`` hold all that is inside. Norms inside use their running statistics in training
    too, and leave them as they are. Raises ``UsageError`` where a glob names nothing, and where
    nothing would be left to learn.
    """
    parameters = dict(module.named_parameters())
    _check_globs(globs, [*parameters, *dict(module.named_buffers())], "to freeze")
    held = [name for name in parameters if named(name, globs)]
    if parameters and len(held) == len(parameters):
        raise UsageError("everything is frozen, and nothing is left to learn", "freeze less")
    for name in held:
        parameters[name].requires_grad_(False)
    for path, inner in module.named_modules():
        # By what it keeps, not by its class: whatever has running statistics.
        if "running_mean" in inner._buffers and named(f"{path}.running_mean", globs):
            inner.register_forward_pre_hook(_still)
    return held


def layer_scales(module: nn.Module, decay: float) -> dict[str, float]:
    """What the learning rate of each parameter is multiplied by: ``decay`` for each layer behind.

    The last layer has 1, the one before it ``decay``, and so on. A layer begins with a weight
    of two axes or more, in the order of the modules; norms and biases go with the weight before
    them. Clark et al. 2020, ELECTRA. A decay of 0.9 gives the first of ResNet-18's 21 layers
    0.12 of the rate.
    """
    depth: dict[str, int] = {}
    now, began = -1, ""
    for name, parameter in module.named_parameters():
        home = name.rpartition(".")[0]
        if parameter.ndim > 1 and (now < 0 or home != began):
            now, began = now + 1, home
        depth[name] = max(now, 0)
    return {name: decay ** (now - at) for name, at in depth.items()}


def scaled_groups(
    module: nn.Module, groups: Sequence[Mapping[str, Any]], decay: float
) -> list[dict[str, Any]]:
    """Parameter groups of an optimizer, cut by ``layer_scales``: each has its ``lr_scale``.

    All else of a group is kept. The rate of a group is to be multiplied by ``lr_scale`` at every
    step.
    """
    scales = layer_scales(module, decay)
    by_id = {id(p): scales[name] for name, p in module.named_parameters()}
    found: list[dict[str, Any]] = []
    for group in groups:
        parts: dict[float, list[nn.Parameter]] = {}
        for parameter in group["params"]:
            parts.setdefault(by_id[id(parameter)], []).append(parameter)
        found += [{**group, "params": inside, SCALE: scale} for scale, inside in parts.items()]
    return found


def _still(norm: nn.Module, _given: object) -> None:
    """Put a norm into evaluation, whatever ``train`` has said to the network around it."""
    norm.training = False


def _check_globs(globs: Sequence[str], names: Sequence[str], why: str) -> None:
    for glob in globs:
        if not any(named(name, [glob]) for name in names):
            known = list(dict.fromkeys(path for name in names for path in paths(name)))
            guess = nearest(glob, known)
            outer = list(dict.fromkeys(name.partition(".")[0] for name in names))
            raise UsageError(
                f"`{glob}` names nothing of the network {why}",
                f"did you mean `{guess}`?" if guess else f"it has {_some(outer, 8)}",
            )


def _read(path: Path) -> tuple[Path, Mapping[str, Tensor]]:
    """The weights of a run or of a file, and where they are."""
    if path.is_dir():
        folder = RunFolder(path)
        path = next((f for f in (folder.best, folder.last) if f.exists()), folder.best)
        if not path.exists():
            raise UsageError(f"there is no run in {folder.path}", "name a file of weights")
    if path.suffix == ".pt" and path.exists():
        own = _own(path)
        if own is not None:
            return path, own
    try:
        return path, read(path).tensors
    except StateError as error:
        raise UsageError(error.message, error.hint) from None


def _own(path: Path) -> Mapping[str, Tensor] | None:
    """The weights of one of our checkpoints; None where the file is something else."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # whatever its first wrong byte leads to: the other reader says what
        return None
    ours = isinstance(state, dict) and state.get("format") == checkpoint.FORMAT
    return weights_of(filled(state, path))[0] if ours and "identity" in state else None


def _some(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
