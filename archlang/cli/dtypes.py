"""The precisions that a command may be told."""

from __future__ import annotations

from enum import StrEnum


class DtypeName(StrEnum):
    """The precision; all but float32 are under autocast."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"
    bf16 = "bf16"
    fp16 = "fp16"
