"""PNG and PDF from SVG, with libraries that pip installs whole and the font of the package."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from archlang.draw.font import FAMILY, FILES, FOLDER

ZOOM = 2
"""Pixels of a PNG to one of the picture, along each axis."""
PAGE = "#set page(width: auto, height: auto, margin: 0pt)\n#set document(date: none)\n"


def png(svg: str) -> bytes:
    """A PNG of a picture, two pixels to one; with resvg. The same each time.

    Raises ``ImportError`` where resvg-py is not installed.
    """
    import resvg_py

    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            skip_system_fonts=True,
            font_files=[str(path) for path in FILES],
            font_family=FAMILY,
            sans_serif_family=FAMILY,
            zoom=ZOOM,
        )
    )


def pdf(svg: str) -> bytes:
    """A PDF of a picture as one page of its size, its text as text; with typst.

    Raises ``ImportError`` where typst is not installed.
    """
    import typst

    with TemporaryDirectory() as folder:
        page = Path(folder) / "page.typ"
        page.write_text(f'{PAGE}#image("picture.svg")\n', encoding="utf-8")
        page.with_name("picture.svg").write_text(svg, encoding="utf-8")
        made = typst.compile(
            str(page), root=folder, font_paths=[str(FOLDER)], ignore_system_fonts=True
        )
    return bytes(made)
