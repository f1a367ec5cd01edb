"""What a run writes for people: a page about itself, curves, logs for TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from archlang.train import checkpoint
from archlang.train.errors import UsageError
from archlang.train.folder import RunFolder
from archlang.wording import count

SCALARS = ("loss", "eval_loss", "accuracy", "iou", "lr")


def write_page(folder: RunFolder, content: Mapping[str, Any]) -> None:
    """``README.md`` of the run's folder, from what ``run.json`` says."""
    recipe, data = content["recipe"], content["data"]
    settings = ", ".join(f"{k} = {v}" for k, v in content["settings"].items())
    lines = [
        f"# {content['model']} on {data['name']}",
        "",
        f"{content['params']:,} parameters, {len(content['classes'])} classes"
        + (f", with {settings}" if settings else "")
        + f"; {recipe['optimizer']['name']}, {recipe['schedule']['name']} schedule, "
        f"{count(recipe['epochs'], 'epoch')} of {data['training']:,} images, "
        f"batches of {recipe['batch_size']}, seed {recipe['seed']}.",
        "",
        *_results(content.get("results")),
        *_files(folder, complete="results" in content),
        "",
        "The command that made it goes on where the run stopped; once the run is complete, it "
        "prints the results.",
    ]
    text = "\n".join(lines) + "\n"
    checkpoint.write_atomically(folder.page, lambda file: file.write(text.encode()))


def _files(folder: RunFolder, *, complete: bool) -> Iterator[str]:
    """What each file is; before the run is complete, those too that are to come or may come."""
    yield f"| file | what it is{'' if complete else ', once it is there'} |"
    yield "|---|---|"
    for name, what in folder.described():
        if not complete or any(folder.path.glob(name)) or name == folder.page.name:
            yield f"| `{name.replace('*', '…')}` | {what} |"
    if not complete:
        yield "| `.…` | what was being written when the run was cut short, and goes as it goes on |"


def _results(results: Mapping[str, Any] | None) -> list[str]:
    if results is None:
        return ["Not complete yet: `history.jsonl` has the epochs that are done.", ""]
    return [
        f"Accuracy on the test images: {results['accuracy']:.2%} after the last epoch, "
        f"{results['test_accuracy']:.2%} with the best weights, those after epoch "
        f"{results['best_epoch']}. It took {results['seconds']:,.0f} s.",
        "",
    ]


def write_curves(folder: RunFolder, history: Sequence[Mapping[str, Any]], title: str) -> None:
    """The curves of ``history`` as SVG and PNG, if matplotlib is there."""
    if find_spec("matplotlib") is None or not history:
        return
    from archlang.plots.curves import draw

    try:
        draw(history, title, folder.curves)
    except OSError as error:
        raise UsageError(
            f"{folder.curves[0]} cannot be written: {error.strerror or error}"
        ) from None


class TensorBoard:
    """TensorBoard's logs of a run, which go on where it does."""

    def __init__(self, folder: Path, step: int) -> None:
        if find_spec("tensorboard") is None:
            raise UsageError(
                "logs for TensorBoard need the package tensorboard, which is not installed",
                "pip install tensorboard, or --set tensorboard=false",
            )
        from torch.utils.tensorboard import SummaryWriter

        # What a run that was cut short wrote of later steps is hidden.
        self._writer: Any = SummaryWriter(str(folder), purge_step=step + 1)

    def epoch(self, entry: Mapping[str, Any]) -> None:
        """Add an epoch, at its step."""
        for name in SCALARS:
            if name in entry:
                self._writer.add_scalar(name, entry[name], entry["step"])
            for output, score in entry.get("outputs", {}).items():
                if name in score:
                    self._writer.add_scalar(f"{output}/{name}", score[name], entry["step"])
        self._writer.flush()

    def close(self) -> None:
        """Let go of the files."""
        self._writer.close()
