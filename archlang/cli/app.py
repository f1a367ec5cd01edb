"""The commands, and how the program ends whatever happens."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from archlang.cli.check import check
from archlang.cli.compile import compile_
from archlang.cli.ops import ops
from archlang.cli.sizes import sizes
from archlang.cli.summary import summary
from archlang.cli.train import train
from archlang.cli.weights import weights

INTERRUPTED, FAILED = 130, 70

app = typer.Typer(
    name="archlang",
    help="Neural network architectures as plain specs: check, summarise, compile, train.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """A command that never ends in a traceback, unless ``ARCHLANG_DEBUG`` asks for one."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:
            if os.environ.get("ARCHLANG_DEBUG"):
                raise
            what = f"{type(error).__name__}: {error}".splitlines()[0]
            print(f"error: archlang failed where it should not have: {what}", file=sys.stderr)
            print("help: please report it with the spec", file=sys.stderr)
            raise typer.Exit(FAILED) from None

    return run


for _name, _command in (
    ("check", check),
    ("summary", summary),
    ("compile", compile_),
    ("train", train),
    ("weights", weights),
    ("ops", ops),
    ("sizes", sizes),
):
    app.command(_name)(guarded(_command))


def _version(wanted: bool) -> None:
    if wanted:
        from archlang import __version__

        print(f"archlang {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
