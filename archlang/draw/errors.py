"""What keeps a picture from being made, in words for those who asked for it."""

from __future__ import annotations


class DrawError(Exception):
    """``message`` says what cannot be drawn, ``hint`` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint
