"""What a project says of archlang: the table ``[tool.archlang]`` of its pyproject.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from archlang.cli.common import stop
from archlang.lints.choice import Choice
from archlang.op import nearest

FILE = "pyproject.toml"
KEYS = ("select", "ignore")


def choice(file: str, select: list[str] | None, ignore: list[str] | None) -> Choice:
    """The lints that are wanted for a spec: the options go before the project's table.

    ``select`` takes the place of the project's, ``ignore`` comes on top of it. The project is that
    of the nearest pyproject.toml above the spec; of the working folder for standard input.
    """
    table = _table(Path.cwd() if file == "-" else Path(file).resolve().parent)
    try:
        return Choice(
            tuple(_split(select) or table.get("select", ("all",))),
            (*table.get("ignore", ()), *_split(ignore)),
        )
    except ValueError as error:
        stop(str(error), hint="`archlang rules` lists them all")


def _split(given: list[str] | None) -> list[str]:
    """Codes one by one: an option takes several, with commas between them."""
    return [code.strip() for item in given or [] for code in item.split(",") if code.strip()]


def _table(folder: Path) -> dict[str, list[str]]:
    """The project's table; ends the program where it is wrong."""
    found = next((p for f in (folder, *folder.parents) if (p := f / FILE).is_file()), None)
    try:
        text = found.read_text(encoding="utf-8") if found else ""
    except (OSError, UnicodeDecodeError):
        return {}
    if found is None or "archlang" not in text:
        return {}
    import tomllib  # reading it takes longer than looking whether there is anything to read

    try:
        table = tomllib.loads(text).get("tool", {}).get("archlang", {})
    except tomllib.TOMLDecodeError as error:
        stop(f"{found} is not TOML: {error}")
    return _checked(table, found)


def _checked(table: Any, path: Path) -> dict[str, list[str]]:
    where = f"[tool.archlang] in {path}"
    if not isinstance(table, dict):
        stop(f"{where} is not a table")
    for key, value in table.items():
        if key not in KEYS:
            guess = nearest(key, list(KEYS))
            hint = f"did you mean `{guess}`?" if guess else f"it has {', '.join(KEYS)}"
            stop(f"{where} has no key `{key}`", hint=hint)
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            stop(f"`{key}` of {where} takes a list of codes", hint=f'{key} = ["A303"]')
    return table
