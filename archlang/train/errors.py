"""What training says when it cannot go on."""

from __future__ import annotations


class TrainError(Exception):
    """Training cannot start or go on.

    ``message`` says what was wrong and stands alone; ``hint`` says what to do about it;
    ``exit_code`` is the command's: 1 for a finding, 2 for files and usage.
    """

    def __init__(self, message: str, hint: str = "", *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.message, self.hint, self.exit_code = message, hint, exit_code

    def __str__(self) -> str:
        return f"{self.message}\nhelp: {self.hint}" if self.hint else self.message


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
