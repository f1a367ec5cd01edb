"""Image files: what their headers say, and their pixels as uint8.

PNG, JPEG and what else Pillow reads; NumPy's ``.npy`` for any number of channels. Images of
16 bits are scaled to 8. Those of floating point are refused: nothing says what is white.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archlang.train.errors import TrainError, UsageError
from archlang.train.palette import Colour

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
ARRAY = ".npy"
_GREY = ("1", "L", "LA", "I;16", "I;16B", "I;16L")
_COLOUR = ("RGB", "RGBA", "P", "PA", "CMYK", "YCbCr", "HSV", "LAB", "RGBX", "La", "RGBa")
_ORIENTATION, _SIDEWAYS = 0x0112, (5, 6, 7, 8)


class Header(NamedTuple):
    """What is known of an image without its pixels: channels, height and width."""

    channels: int
    size: tuple[int, int]


def shown(path: Path | str) -> str:
    """A name that can be printed and saved: bytes that are no UTF-8 become ``\\xff``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def is_image(path: Path) -> bool:
    """Whether a file's name is an image's."""
    return path.suffix.lower() in (*EXTENSIONS, ARRAY)


def read_header(path: Path) -> Header:
    """Channels and size of an image, from the beginning of its file; raises ``TrainError``."""
    if path.suffix.lower() == ARRAY:
        shape = _array(path, mapped=True).shape
        return Header(shape[2] if len(shape) == 3 else 1, (shape[0], shape[1]))
    try:
        with _pillow().open(path) as image:
            mode, (width, height) = image.mode, image.size
            sideways = _turned(image) and image.getexif().get(_ORIENTATION) in _SIDEWAYS
    except Exception as error:  # a damaged file raises whatever its first wrong byte leads to
        raise _damaged(path, error) from None
    return Header(_channels(path, mode), (width, height) if sideways else (height, width))


def read_image(path: Path, channels: int) -> Tensor:
    """The image's pixels, uint8 [channels, H, W]; raises ``TrainError``.

    Colours become grey and grey becomes colours as ``channels`` asks. Transparency is left
    out; photographs are turned upright.
    """
    if path.suffix.lower() == ARRAY:
        array = _array(path, mapped=False)
        pixels = array[:, :, None] if array.ndim == 2 else array
    else:
        pixels = _decoded(path, channels)
    if pixels.shape[2] == 1 and channels == 3:
        pixels = pixels.repeat(3, axis=2)
    if pixels.shape[2] != channels:
        raise TrainError(
            f"{path} has {pixels.shape[2]} channels, but the others have {channels}",
            "convert it, or take it out",
        )
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def read_mask(path: Path, *, binary: bool = False) -> Tensor:
    """The classes of an image's pixels, uint8 [H, W]; raises ``TrainError``.

    A file with a palette gives its indices. ``binary`` takes 255 for class 1.
    """
    if path.suffix.lower() == ARRAY:
        array = _array(path, mapped=False)
    else:
        try:
            with _pillow().open(path) as image:
                mode = image.mode
                array = np.array(image)
        except Exception as error:
            raise _damaged(path, error) from None
        if mode == "1":
            array = array.astype(np.uint8)
        elif mode not in ("L", "P"):
            raise TrainError(
                f"{path} is a mask with {mode} pixels, and a mask holds one class number a pixel",
                "save it as an 8-bit grey or palette image",
            )
    if array.ndim != 2 or array.dtype != np.uint8:
        raise TrainError(f"{path} is a mask of {array.dtype} {list(array.shape)}, not uint8 [H, W]")
    return torch.from_numpy((array == 255).astype(np.uint8) if binary else array.copy())


def read_palette(path: Path) -> tuple[Colour, ...]:
    """The colours of an image that has a palette; () of any other."""
    if path.suffix.lower() == ARRAY:
        return ()
    with _pillow().open(path) as image:
        flat = (image.getpalette("RGB") or []) if image.mode == "P" else []
    return tuple(zip(flat[::3], flat[1::3], flat[2::3], strict=True))


def _decoded(path: Path, channels: int) -> NDArray[np.uint8]:
    """Pixels [H, W, 1 or 3] by Pillow."""
    from PIL import ImageOps

    try:
        with _pillow().open(path) as image:
            mode = image.mode
            _channels(path, mode)
            if mode.startswith("I;16"):
                return _eight_bits(np.array(image).astype(np.uint16))[:, :, None]
            upright: Any = ImageOps.exif_transpose(image) if _turned(image) else image
            pixels = np.array(upright.convert("L" if channels == 1 else "RGB"))
    except TrainError:
        raise
    except Exception as error:
        raise _damaged(path, error) from None
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def _turned(image: Any) -> bool:
    """Whether a file may say which way is up; in a PNG that can stand behind the pixels."""
    return bool(image.format != "PNG")


def _eight_bits(array: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """65535 to 255, rounded."""
    return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _channels(path: Path, mode: str) -> int:
    if mode in _GREY:
        return 1
    if mode in _COLOUR:
        return 3
    raise TrainError(
        f"{path} has pixels of {'floating point' if mode == 'F' else mode}, and images have "
        "8 or 16 bits",
        "convert it: nothing says which of its values is white",
    )


def _array(path: Path, *, mapped: bool) -> NDArray[np.uint8]:
    """An array [H, W] or [H, W, C] of uint8; one of uint16 is scaled."""
    try:
        array = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except Exception as error:
        raise _damaged(path, error) from None
    if array.ndim not in (2, 3) or array.dtype not in (np.uint8, np.uint16) or array.size == 0:
        raise TrainError(
            f"{path} is {array.dtype} {list(array.shape)}, not uint8 or uint16 [H, W] or [H, W, C]"
        )
    return array if mapped or array.dtype == np.uint8 else _eight_bits(array)


def _damaged(path: Path, error: Exception) -> TrainError:
    if isinstance(error, FileNotFoundError):
        return TrainError(f"there is no file {path}")
    if isinstance(error, PermissionError):
        return TrainError(f"{path} cannot be read: permission denied")
    why = "it is damaged, or something else"
    if path.is_file() and not path.stat().st_size:
        why = "it is empty"
    elif any(word in str(error) for word in ("truncated", "broken data stream", "not processed")):
        why = "it is cut short, or damaged"
    return TrainError(
        f"{path} cannot be decoded as an image: {why}", "copy it again, or take it out"
    )


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise UsageError(
            "images are read with Pillow, which is not installed", "pip install 'archlang[torch]'"
        ) from None
    return Image
