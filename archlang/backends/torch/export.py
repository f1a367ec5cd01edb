"""A compiled network as one file that runs without archlang: ``.pt2`` and ONNX.

Both come from one ``torch.export``, in which the batch and every input size that the spec lets
vary are left open. What the exporter pins down nevertheless is said, never passed over; and
what is written has been run beside the module, at other sizes too.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from archlang.analyses.varying import Axis
from archlang.types import Shape

Run: TypeAlias = Callable[[list[Tensor]], list[Tensor]]
RTOL, ATOL = 1e-4, 1e-5
"""How far outputs may lie from the module's."""
TRACED = 2
"""The batch an export is traced with: a batch of one would be taken for a constant."""
NO_OTHER = "PyTorch's exporter takes no other size"
LARGEST_FILE = 2_000_000_000
"""Bytes of weights that one ONNX file is given: it cannot have 2 GiB in all."""


class ExportError(Exception):
    """A network that cannot be exported: ``message`` says why, ``hint`` what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(slots=True)
class Exported:
    """A program for any batch, and for every size of the axes in ``free``, from its value up.

    Those sizes are legal, each with all those of the other axes, and come in the axis' steps.

    ``fixed`` are the axes that the spec would let vary but PyTorch's exporter does not, and
    why. ``tried`` are the shapes of the inputs at which it was run and gave the module's
    outputs: at the spec's sizes, at larger ones, and at the smallest, where there are such.
    """

    program: torch.export.ExportedProgram
    free: dict[Axis, int]
    fixed: dict[Axis, str]
    tried: list[list[Shape]] = field(default_factory=list)


def export(module: nn.Module, inputs: Mapping[str, Shape], axes: Sequence[Axis]) -> Exported:
    """Export a module in evaluation mode, the batch and the axes that may vary left open.

    ``inputs`` are the shapes without the batch, ``axes`` what ``Network.varying`` says of
    them. Raises ``ExportError`` where PyTorch's exporter cannot take the module.
    """
    free = [axis for axis in axes if axis.step]
    best: Exported | None = None
    said = ""
    for open_, oblivious in (
        ((free, True), (free, False), ([], False)) if free else ((free, False),)
    ):
        try:
            found = _opened(_Tracer(module, inputs, oblivious), open_)
        except ExportError as error:
            said = said or error.message
            continue
        found.fixed |= dict.fromkeys((a for a in free if a not in open_), NO_OTHER)
        if not found.fixed:
            return found
        if best is None or len(found.fixed) < len(best.fixed):
            best = found
    if best is None:
        raise ExportError(said)
    return best


@dataclass(frozen=True, slots=True)
class _Tracer:
    """Traces a module. ``oblivious``: a size that is 1 as traced is not taken for a constant.

    That leaves more sizes open, but not where a layer asks whether the batch is 1.
    """

    module: nn.Module
    inputs: Mapping[str, Shape]
    oblivious: bool

    def __call__(self, free: Sequence[Axis]) -> torch.export.ExportedProgram:
        """The program with these axes open; raises ``ExportError``."""
        from torch.fx.experimental import _config

        config: Any = _config
        auto = torch.export.Dim.AUTO
        open_ = tuple(
            {0: auto, **{a.axis + 1: auto(min=a.least) for a in free if a.input == name}}
            for name in self.inputs
        )
        where = _device(self.module)
        given = tuple(torch.zeros(TRACED, *shape, device=where) for shape in self.inputs.values())
        with quiet(), config.patch(backed_size_oblivious=self.oblivious):
            try:
                return torch.export.export(
                    self.module,
                    given,
                    dynamic_shapes=open_,
                    prefer_deferred_runtime_asserts_over_guards=True,
                )
            except Exception as error:  # whatever sympy, dynamo or the module raise
                raise ExportError(f"PyTorch cannot export it: {_cause(error)}") from error


def _opened(trace: _Tracer, free: Sequence[Axis]) -> Exported:
    """A program with as many of these axes open as the exporter takes, and run."""
    fixed: dict[Axis, str] = {}
    try:
        program = trace(free)
    except ExportError:
        kept: list[Axis] = []
        for axis in free:
            try:
                program = trace([*kept, axis])
                kept.append(axis)
            except ExportError:
                fixed[axis] = NO_OTHER
        free = kept
        program = trace(free)
    bounds = {axis: _bounds(program, trace.inputs, axis) for axis in free}
    for axis, (_, most) in bounds.items():
        if most is not None:
            up_to = f"takes sizes up to {most} only" if most > axis.size else "takes no larger one"
            fixed[axis] = f"PyTorch's exporter, which traced it at this size, {up_to}"
    if any(axis in fixed for axis in free):
        free = [axis for axis in free if axis not in fixed]
        program = trace(free)
    exported = Exported(program, {axis: bounds[axis][0] for axis in free}, fixed)
    run = program.module()
    _try(exported, trace.module, trace.inputs, lambda xs: tensors(run(*xs)))
    return exported


def _bounds(
    program: torch.export.ExportedProgram, inputs: Mapping[str, Shape], axis: Axis
) -> tuple[int, int | None]:
    """The least size that a program takes, and the largest where there is one."""
    users = [n for n in program.graph.nodes if n.op == "placeholder"][-len(inputs) :]
    size = users[list(inputs).index(axis.input)].meta["val"].shape[axis.axis + 1]
    if isinstance(size, int):
        return size, size
    limits = program.range_constraints.get(size.node.expr)
    if limits is None:
        return 1, None
    most = int(limits.upper) if limits.upper.is_finite and limits.upper < 2**31 else None
    return max(1, int(limits.lower)), most


def agree(exported: Exported, module: nn.Module, run: Run) -> None:
    """Raise ``ExportError`` unless ``run`` too gives the module's outputs wherever tried.

    Where it does not at smaller sizes, they count as open from the spec's on.
    """
    for i, shapes in enumerate(exported.tried):
        if _same(module, run, shapes):
            continue
        if i < 2:
            shown = ", ".join(str(list(s)) for s in shapes)
            raise ExportError(f"what was exported gives other outputs than the module at {shown}")
        exported.free = {axis: axis.size for axis in exported.free}
        exported.tried = exported.tried[:2]


def _try(exported: Exported, module: nn.Module, inputs: Mapping[str, Shape], run: Run) -> None:
    """Run a program beside the module: as the spec has it, at larger sizes, and smaller ones.

    From the smallest that it takes and that is legal, the axes count as open. Raises
    ``ExportError`` where it does not give the module's outputs.
    """
    larger = {axis: axis.size + axis.step for axis in exported.free}
    tried = [_shapes(inputs, {}, TRACED), _shapes(inputs, larger, 1)]
    if not all(_same(module, run, shapes) for shapes in tried):
        raise ExportError("PyTorch's exporter does not keep what it computes: please report this")
    least = {axis: axis.size for axis in exported.free}
    lower = {a: a.down_to(bound) for a, bound in exported.free.items()}
    for step in range(max(map(len, lower.values()), default=0)):
        sizes = {
            a: below[min(step, len(below) - 1)] if below else a.size for a, below in lower.items()
        }
        if not _same(module, run, shapes := _shapes(inputs, sizes, 3)):
            break
        least, tried[2:] = sizes, [shapes]
    exported.free, exported.tried = least, tried


def _shapes(inputs: Mapping[str, Shape], sizes: Mapping[Axis, int], batch: int) -> list[Shape]:
    at = {(a.input, a.axis): size for a, size in sizes.items()}
    return [
        (batch, *(at.get((name, i), size) for i, size in enumerate(shape)))
        for name, shape in inputs.items()
    ]


def _same(module: nn.Module, run: Run, shapes: list[Shape]) -> bool:
    """Whether ``run`` gives the module's outputs on random inputs of these shapes."""
    generator = torch.Generator().manual_seed(0)
    given = [torch.randn(shape, generator=generator).to(_device(module)) for shape in shapes]
    with torch.no_grad(), quiet():
        try:
            expected, found = tensors(module(*given)), run(given)
        except Exception:  # a guard of the program, or a runtime's error
            return False
    return len(expected) == len(found) and all(
        a.shape == b.shape
        and torch.allclose(b.cpu(), a.cpu(), rtol=RTOL, atol=ATOL, equal_nan=True)
        for a, b in zip(expected, found, strict=True)
    )


def tensors(result: Any) -> list[Tensor]:
    """The tensors that a module gives, whatever their form."""
    return list(result.values()) if isinstance(result, dict) else [result]


def _device(module: nn.Module) -> torch.device:
    tensors = (*module.parameters(), *module.buffers())
    return tensors[0].device if tensors else torch.device("cpu")


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, neither warnings nor logs nor progress reach the user."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _cause(error: BaseException) -> str:
    """The first line of what made an error in the end."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__


def write_onnx(
    exported: Exported,
    inputs: Sequence[str],
    outputs: Sequence[str],
    path: Path,
    about: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write a program as ONNX; the files written, the model last.

    Its weights are inside, or beside it where one file cannot hold them. Open sizes bear the
    spec's names. ``about`` goes into its metadata. Raises ``ExportError`` where ONNX has no way to
    say what the network does, ``OSError`` where a file cannot be written.
    """
    import onnx

    size = sum(t.numel() * t.element_size() for t in exported.program.state_dict.values())
    beside = size > LARGEST_FILE
    names: dict[str, Any] = {"input_names": list(inputs), "output_names": list(outputs)}
    with quiet():
        try:
            made = torch.onnx.export(exported.program, (), dynamo=True, verbose=False, **names)
        except Exception as error:
            message = f"PyTorch cannot write it as ONNX: {_cause(error)}"
            raise ExportError(message) from error
        assert made is not None
        _name_sizes(made.model.graph, exported, inputs)
        made.model.metadata_props.update(about or {})
        made.save(str(path), external_data=beside)
        try:
            onnx.checker.check_model(str(path), full_check=not beside)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            raise ExportError(f"what PyTorch made is not ONNX: {_cause(error)}") from error
    return [path.with_name(f"{path.name}.data"), path] if beside else [path]


def _name_sizes(graph: Any, exported: Exported, inputs: Sequence[str]) -> None:
    """Call open sizes what the spec calls them, and forget where on this machine they are from."""
    shapes = {value.name: value.shape for value in graph.inputs}
    named = {str(shapes[a.input][a.axis + 1]): a.name for a in exported.free}
    batch = "batch_size" if "batch" in named.values() else "batch"
    named |= {str(shapes[name][0]): batch for name in inputs}
    for node in graph.all_nodes():
        node.metadata_props.pop("pkg.torch.onnx.stack_trace", None)
    values = [*graph.inputs, *(v for node in graph.all_nodes() for v in node.outputs)]
    for value in (v for v in values if v.shape is not None):
        value.shape = type(value.shape)(
            d
            if isinstance(d, int)
            else re.sub(r"\bs\d+\b", lambda m: named.get(m[0], m[0]), str(d))
            for d in value.shape
        )


def onnxruntime(path: Path, inputs: Sequence[str]) -> Run | None:
    """What runs an ONNX file on the CPU; None where onnxruntime is not installed."""
    try:
        import onnxruntime as runtime
    except ImportError:
        return None
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ExportError(f"onnxruntime refuses it: {_cause(error)}") from error

    def run(given: list[Tensor]) -> list[Tensor]:
        arrays = [t.cpu().numpy() for t in given]
        return [
            torch.from_numpy(a) for a in session.run(None, dict(zip(inputs, arrays, strict=True)))
        ]

    return run
