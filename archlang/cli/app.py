"""The commands, and how the program ends whatever happens."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from functools import wraps
from importlib import import_module
from typing import Annotated, Any

import typer

from archlang.collector import keep, paused
from archlang.limits import LimitError, apart

USAGE, INTERRUPTED, FAILED = 2, 130, 70

COMMANDS = (
    "check", "summary", "compile", "train", "weights", "ops", "sizes", "diff", "convolutionize",
    "receptive", "memory", "render", "fit", "fmt", "explain", "rules", "data",
    "evaluate", "predict", "sweep",
)  # fmt: skip
"""Each is a function in a module of its name, a `_` behind it where Python has that name."""


def program(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The program with some of its commands: one starts sooner without the others."""
    app = typer.Typer(
        name="archlang",
        help="Neural network architectures as plain specs: check, summarise, compile, train.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name in names:
        module = import_module(f"archlang.cli.{name}")
        command = getattr(module, name, None) or getattr(module, f"{name}_")
        app.command(name)(guarded(command))
    app.callback()(_options)
    return app


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """A command that never ends in a traceback, unless ``ARCHLANG_DEBUG`` asks for one."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            with apart():
                command(*args, **kwargs)
            sys.stdout.flush()
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except LimitError as error:
            print(f"error: {error}", file=sys.stderr)
            if error.hint:
                print(f"help: {error.hint}", file=sys.stderr)
            raise typer.Exit(USAGE) from None
        except Exception as error:
            if os.environ.get("ARCHLANG_DEBUG"):
                raise
            what = f"{type(error).__name__}: {error}".splitlines()[0]
            print(f"error: archlang failed where it should not have: {what}", file=sys.stderr)
            print("help: please report it with the spec", file=sys.stderr)
            raise typer.Exit(FAILED) from None

    return run


def _version(wanted: bool) -> None:
    if wanted:
        from archlang import __version__

        print(f"archlang {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some takes a while
    asked = sys.argv[1:2]
    try:
        with paused():
            app = program(asked if asked and asked[0] in COMMANDS else COMMANDS)
            keep()  # in here: what was put off would else be done right behind it
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
