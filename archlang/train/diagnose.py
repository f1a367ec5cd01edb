"""Before and after things go wrong: the trial run, and the layer where numbers broke."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from archlang.train.batch import Many, called, one_of, tensors
from archlang.train.device import autocast, exhausted, first_line, random_kept
from archlang.train.distributed import lost
from archlang.train.errors import TrainError, UsageError
from archlang.train.network import Network, layer_at
from archlang.train.task import Outputs, Task, main_output


def dry_run(
    model: nn.Module,
    images: Many,
    targets: Many,
    aux: Mapping[str, float],
    *,
    task: Task,
    dtype: str = "float32",
    compiled: bool = False,
) -> list[str]:
    """One batch forward, backward and in evaluation, leaving no trace in ``model``.

    ``images`` [N, C, H, W] are prepared. Returns remarks; raises ``TrainError`` where the
    network cannot run on the batch, or does not yield what the ``task`` wants. One that is
    ``compiled`` has run as it was written before: what fails is its compilation.
    """
    buffers = {name: value.clone() for name, value in model.named_buffers()}
    device = tensors(images)[0].device
    wanted = partial(_wanted, task, targets)
    try:
        with random_kept(device):
            model.train()
            with autocast(device, dtype):
                outputs = called(model, images)
            # Looked at before the loss is: a label out of range kills a GPU's process.
            _check_shapes(outputs, aux, wanted)
            torch.autograd.backward(task.loss(outputs, targets, aux))
            model.eval()
            with torch.no_grad(), autocast(device, dtype):
                output = main_output(called(model, images), {}).float()
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        if exhausted(error) or lost(error):
            raise
        if compiled:
            raise not_compiled(error) from error
        raise TrainError(
            f"the network does not train on a batch of {_shapes(images)}: {first_line(error)}",
            "its batch norms need more images at a time: a larger --batch-size, or fewer parts"
            if "more than 1 value per channel" in str(error)
            else "",
        ) from error
    finally:
        model.zero_grad(set_to_none=True)
        for name, value in model.named_buffers():
            value.data.copy_(buffers[name])
    _check_shapes(output, {}, wanted)
    sums = output.sum(1)
    if bool((output >= 0).all()) and bool(torch.isclose(sums, torch.ones_like(sums)).all()):
        return [
            "the network seems to end in `softmax`; the loss applies its own, "
            "so training will be slow: leave it out"
        ]
    return []


def not_compiled(error: Exception) -> UsageError:
    """What to say where ``torch.compile`` does not do its work."""
    without = "--set compile=false trains without"
    if "C++ compiler" in str(error):
        return UsageError(
            "`compile` needs a C++ compiler, and PyTorch finds none that works",
            f"install g++ or clang, or name one in the variable CXX; {without}",
        )
    inner = getattr(error, "inner_exception", error)
    return UsageError(f"`torch.compile` fails on this network: {first_line(inner)}", without)


def _wanted(task: Task, targets: Many, output: str) -> tuple[int, ...]:
    """The shape of an output for a batch with these targets."""
    return task.of(output).shape(one_of(targets, output))


def _shapes(images: Many) -> str:
    return " and ".join(str(list(tensor.shape)) for tensor in tensors(images))


def _check_shapes(
    outputs: Outputs, aux: Mapping[str, float], shape_of: Callable[[str], tuple[int, ...]]
) -> None:
    """Raise ``TrainError`` unless main and auxiliary outputs are there, of the wanted shapes."""
    named = {"output": outputs} if isinstance(outputs, Tensor) else outputs
    for name in aux:
        if name not in named:
            raise TrainError(f"the network does not yield its auxiliary output `{name}`")
    for name, value in named.items():
        wanted = shape_of(name)
        what = "class" if len(wanted) == 2 else "class at each pixel"
        if tuple(value.shape) != wanted:
            layer = f"linear({wanted[1]})" if len(wanted) == 2 else f"conv(1x1, {wanted[1]})"
            raise TrainError(
                f"`{name}` has the shape {list(value.shape[1:])}, and should have "
                f"{list(wanted[1:])}: one number for each {what}",
                f"end it with `{layer}`",
            )


def first_broken_layer(
    model: nn.Module, images: Many, dtype: str, network: Network | None = None
) -> str:
    """Where a forward pass over ``images`` first meets a number that is not finite.

    Best effort: names a weight that is broken already, or the first layer to yield such a
    number, by its place in the spec of ``network``, or as ``conv1 (Conv2d)`` where there is none;
    "" where all of them yield finite ones.
    """
    for name, parameter in model.named_parameters():
        if not bool(parameter.isfinite().all()):
            return f"{_weight(name, network)} is not finite already"
    found: list[str] = []

    def watch(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def look(_module: nn.Module, _given: object, result: object) -> None:
            if not found and isinstance(result, Tensor) and not bool(result.isfinite().all()):
                place = layer_at(network, name) or f"`{name}` ({type(module).__name__})"
                found.append(f"first in {place}")

        return module.register_forward_hook(look)

    leaves = [(n, m) for n, m in model.named_modules() if not any(m.children())]
    handles = [watch(name, module) for name, module in leaves]
    try:
        device = tensors(images)[0].device
        with torch.no_grad(), random_kept(device), autocast(device, dtype):
            called(model, images)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else ""


def _weight(name: str, network: Network | None) -> str:
    """A parameter for people; one that is a layer by itself is that layer."""
    if whole := layer_at(network, name):
        return f"the weight {whole}"
    path, _, key = name.rpartition(".")
    place = layer_at(network, path)
    return f"the {key} of {place}" if place else f"the weight `{name}`"
