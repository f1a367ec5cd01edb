"""What training says when it cannot go on."""

from __future__ import annotations

import json


class TrainError(Exception):
    """Training cannot start or go on.

    ``message`` says what was wrong and stands alone; ``hint`` says what to do about it;
    ``exit_code`` is the command's: 1 for a finding, 2 for files and usage.
    """

    def __init__(self, message: str, hint: str = "", *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.message, self.hint, self.exit_code = message, hint, exit_code
        self.elsewhere = False
        """Whether another process of the run says it."""

    def __str__(self) -> str:
        return f"{self.message}\nhelp: {self.hint}" if self.hint else self.message

    def to_text(self) -> str:
        """It for another process, which reads it with ``from_text``."""
        kind = next(k for k in type(self).__mro__ if k.__name__ in _KINDS).__name__
        return json.dumps({_KIND: [kind, self.message, self.hint, self.exit_code]})

    @staticmethod
    def from_text(text: str, *, elsewhere: bool = False) -> TrainError:
        """What ``to_text`` gave; raises ``ValueError``, ``TypeError`` or ``KeyError``."""
        kind, message, hint, exit_code = json.loads(text)[_KIND]
        error = _KINDS[kind].__new__(_KINDS[kind])
        TrainError.__init__(error, message, hint, exit_code=exit_code)
        error.elsewhere = elsewhere
        return error


class UsageError(TrainError):
    """A value, a file or a folder that was asked for cannot be used."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint, exit_code=2)


class LostProcessError(TrainError):
    """Another of the processes that train together is gone; this one cannot go on alone."""

    def __init__(self) -> None:
        super().__init__(
            "another process was lost",
            "the same command goes on from the last checkpoint",
            exit_code=75,
        )


class InterruptedRunError(TrainError):
    """The run was asked to stop (Ctrl-C, SIGTERM), and left a checkpoint to go on from."""


_KIND = "archlang"
_KINDS: dict[str, type[TrainError]] = {
    kind.__name__: kind for kind in (TrainError, UsageError, LostProcessError, InterruptedRunError)
}
