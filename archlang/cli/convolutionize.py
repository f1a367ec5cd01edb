"""``archlang convolutionize``: flattened maps and linear layers made convolutions."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlang.analyses.sizes import legal
from archlang.cli.common import (
    FINDINGS,
    File,
    ModelName,
    Settings,
    load_network,
    print_diagnostics,
    stop,
)
from archlang.cli.output import check_folder, write_files
from archlang.cli.table import Cells, text_table
from archlang.diagnostic import ArchError
from archlang.edit.convolutionize import Change, Conversion, Weight, convolutionize as converted
from archlang.network import Network
from archlang.wording import shape_text

if TYPE_CHECKING:
    from torch import Tensor

ENDINGS = (".safetensors", ".pt", ".pth")
LEFT = 17


class Report(StrEnum):
    """What the report is printed as."""

    text = "text"
    json = "json"


def convolutionize(
    file: File,
    model: ModelName = None,
    set_: Settings = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write the new spec: .arch.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Trained weights of the network: .safetensors, .pt or .pth."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Where to write them, reshaped for the new spec.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over files that are there.")
    ] = False,
    format_: Annotated[Report, typer.Option("--format", "-f", help="Printed as.")] = Report.text,
) -> None:
    """Turn flattened maps and linear layers into convolutions, so that a network takes larger
    images and gives a map of scores.

    The weights stay, some in other shapes. Without -o it only reports.
    """
    _check(output, weights, to, force)
    network = load_network(file, model, set_, None)
    try:
        made = converted(network, output)
    except ArchError as error:
        print_diagnostics(error.diagnostics, sys.stderr)
        raise typer.Exit(FINDINGS) from None
    state = _state(made, weights) if weights is not None else None
    if format_ is Report.json:
        print(json.dumps(_data(made, output, to), ensure_ascii=False))
    else:
        print("\n".join(_lines(made)))
    if output is not None:
        write_files(output, lambda path: _text(path, made.text))
    if to is not None and state is not None:
        _save(state, to, made)
    if format_ is Report.text:
        for path in (output, to):
            if path is not None:
                print(f"written to {path}")


def _check(output: Path | None, weights: Path | None, to: Path | None, force: bool) -> None:
    """End the program where what is asked cannot be done, before anything is read."""
    if output is not None and output.suffix != ".arch":
        stop(f"a spec's name ends in .arch, not as {output}")
    if (weights is None) != (to is None):
        have, lack = ("--to", "--weights") if weights is None else ("--weights", "--to")
        stop(f"{have} needs {lack}", hint="as in --weights trained.pt --to reshaped.pt")
    if to is not None and to.suffix not in ENDINGS:
        hint = f"it can end in {', '.join(ENDINGS)}"
        stop(f"cannot tell what to write from the name {to}", hint=hint)
    for path in (output, to):
        if path is not None:
            check_folder(path)
            if path.exists() and not force:
                stop(f"{path} is there already", hint="write over it with --force")
    if to is not None and (missing := [p for p in ("torch", "safetensors") if not find_spec(p)]):
        what = "PyTorch" if "torch" in missing else " and ".join(missing)
        stop(f"weights need {what}, which is not installed", hint="pip install 'archlang[torch]'")


def _text(path: Path, text: str) -> list[Path]:
    path.write_text(text, encoding="utf-8")
    return [path]


def _state(made: Conversion, path: Path) -> dict[str, Tensor]:
    """The weights in a file, in their shapes of the new network; ends the program without them."""
    from archlang.backends.torch.reshaped import reshaped
    from archlang.backends.torch.state import StateError, read
    from archlang.backends.torch.weights import match, merged

    try:
        given = read(path).tensors
    except StateError as error:
        stop(error.message, hint=error.hint)
    mine = made.before.to_torch("meta").state_dict()
    found = match(mine, given, structure=False)
    if not found.complete:
        name = found.missing[0]
        more = f" and {len(found.missing) - 1} more" if len(found.missing) > 1 else ""
        stop(
            f"{path} has no `{name}` of {shape_text(tuple(mine[name].shape))}{more}: "
            "nothing is written",
            FINDINGS,
            f"`archlang weights` fits a file to {made.before.name} where names differ",
        )
    return reshaped(merged(mine, given, found), {w.key: w.after for w in made.weights})


def _save(state: Mapping[str, Tensor], path: Path, made: Conversion) -> None:
    from archlang.backends.torch.state import SAFETENSORS, save

    safe = path.suffix == SAFETENSORS
    write_files(path, lambda at: save(state, at, made.after.name, safetensors=safe))


def _lines(made: Conversion) -> Iterator[str]:
    """In words: which layers, which weights, and which sizes before and after."""
    yield f"{made.before.name}   {_inputs(made.before)} -> {_outputs(made.before)}"
    yield ""
    rows = [Cells((c.path, str(c.before), _after(c) or "left out")) for c in made.changes]
    yield from _table(("part", "before", "after"), rows)
    moved = _moved(made)
    if moved:
        yield ""
        rows = [Cells((w.key, shape_text(w.before), shape_text(w.after))) for w in moved]
        yield from _table(("weight", "before", "after"), rows)
    yield ""
    old, new = made.legal

    def row(name: str, text: str) -> str:
        return f"{name:<{LEFT}}{text}"

    yield row("legal before", old.words())
    yield row("legal after", new.words())
    trained = [legal(n.graph, training=True) for n in (made.before, made.after)]
    if any(t.region != e.region for t, e in zip(trained, made.legal, strict=True)):
        yield row("in training", f"{trained[0].words()}; after, {trained[1].words()}")
    yield row("output", _outputs(made.after, symbolic=True))
    if (larger := made.larger()) is not None:
        sizes = ", ".join(f"{n} {shape_text(s)}" for n, s in larger.inputs.items())
        outputs = ", ".join(shape_text(s) for s in larger.outputs.values())
        yield row("twice as large", f"{sizes} -> {outputs}")
    kept = f"{len(made.weights) - len(moved)} of {len(made.weights)} tensors in their shapes"
    yield row("parameters", f"{made.after.totals.params:,} as before, {kept}")
    for span, fault in {f.node.span: f for f in reversed(made.faults)}.items():
        yield row("left as it was", f"{span}: {fault.why}")
    for name in made.dropped:
        yield row("left out", f"model {name}, which would become another network")


def _after(change: Change) -> str | None:
    return None if change.after is None else str(change.after)


def _table(head: tuple[str, ...], rows: list[Cells]) -> Iterator[str]:
    unique = list(dict.fromkeys(rows))
    for line, _ in text_table(head, unique, right=(), shrink=0, width=None):
        yield line


def _moved(made: Conversion) -> list[Weight]:
    return [w for w in made.weights if w.before != w.after]


def _inputs(network: Network) -> str:
    return ", ".join(f"{n} {shape_text(s)}" for n, s in network.inputs.items())


def _outputs(network: Network, symbolic: bool = False) -> str:
    if symbolic:
        nodes = network.graph.outputs.values()
        return ", ".join(f"{n.output.symbolic}, here {n.output}" for n in nodes)
    return ", ".join(shape_text(s) for s in network.outputs.values())


def _data(made: Conversion, output: Path | None, to: Path | None) -> dict[str, Any]:
    from archlang import __version__

    larger = made.larger()
    old, new = made.legal
    return {
        "version": __version__,
        "model": made.before.name,
        "layers": [
            {"path": c.path, "before": str(c.before), "after": _after(c)} for c in made.changes
        ],
        "weights": [
            {"key": w.key, "before": list(w.before), "after": list(w.after)} for w in made.weights
        ],
        "sizes": {"before": old.to_json(), "after": new.to_json()},
        "outputs": {n: x.output.symbolic for n, x in made.after.graph.outputs.items()},
        "larger": larger and {"inputs": larger.inputs, "outputs": larger.outputs},
        "left": [f"{f.node.span}: {f.why}" for f in made.faults],
        "dropped": list(made.dropped),
        "written": [str(p) for p in (output, to) if p is not None],
        "spec": made.text,
    }
