"""The runs of a sweep on Ray: as many at once as there are processors, here or on a cluster."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import torch

from archlang.elaborate import Program
from archlang.train import device as devices
from archlang.train.data import Data
from archlang.train.errors import InterruptedRunError, UsageError
from archlang.train.progress import Reporter
from archlang.train.stop import Stopper
from archlang.train.sweeps.work import Job, work

if TYPE_CHECKING:
    from archlang.train.sweeps.run import Course, Place

RETRIES = 3
"""How often a run is begun again whose process was lost; it goes on from its last save."""
STOPPED = "stopped"
LOOK, PATIENCE = 0.5, 60.0
"""Seconds: how often one looks whether all is to stop, and how long runs then have to save."""


class Cluster:
    """Ray, started here unless ``RAY_ADDRESS`` names a cluster. Each run takes ``cpus`` of it.

    A run takes a GPU, too, where there are any and its recipe does not ask for the CPU. Raises
    ``UsageError`` where Ray is not installed, or cannot be reached.
    """

    def __init__(self, cpus: int = 1) -> None:
        if find_spec("ray") is None:
            raise UsageError("Ray is not installed", "pip install 'archlang[ray]'")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        self.cpus = cpus
        self.ray: Any = None
        self.gpus = 0

    def __enter__(self) -> Self:
        import ray

        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        if "RAY_ADDRESS" not in os.environ:
            options["include_dashboard"] = False
            # What this process imports, its workers must find.
            paths = [path for path in sys.path if path]
            options["runtime_env"] = {"env_vars": {"PYTHONPATH": os.pathsep.join(paths)}}
        try:
            ray.init(**options)
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            why = str(error).strip().splitlines()[0].rstrip(".")
            raise UsageError(
                f"Ray cannot be started: {why}",
                "RAY_ADDRESS names a cluster; where it is unset, one starts here",
            ) from None
        self.ray = ray
        there = ray.cluster_resources()
        self.gpus = int(there.get("GPU", 0))
        if self.cpus > there.get("CPU", 0):
            self.ray.shutdown()
            raise UsageError(
                f"a run asks for {self.cpus} processors, and Ray has {there.get('CPU', 0):g}"
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ray.shutdown()

    def device(self, name: str) -> str:
        """The kind of device that a recipe's name for it means there."""
        if name == "auto":
            return "cuda" if self.gpus else "cpu"
        return "cuda" if name.startswith("cuda") else devices.choose(name).type

    def train(self, course: Course, stopper: Stopper) -> None:
        """Train all that is to come; raises ``InterruptedRunError`` once all runs have saved."""
        ray = self.ray
        remote = ray.remote(max_retries=RETRIES)(_train)
        program, data = ray.put(course.ask.program), ray.put(course.data)
        waiting: dict[Any, Place] = {}
        for place, job in course.to_do():
            kind = self.device(course.recipe(place).device)
            options = {"num_cpus": self.cpus, "num_gpus": int(kind == "cuda" and self.gpus > 0)}
            waiting[remote.options(**options).remote(program, data, job)] = place
        while waiting:
            if stopper.asked:
                self._save(waiting)
                raise course.interrupted(stopper.asked)
            for task in ray.wait(list(waiting), timeout=LOOK)[0]:
                course.told(waiting.pop(task), self._end(task))

    def _end(self, task: Any) -> str:
        """Why a run failed, "" where it did not."""
        try:
            return str(self.ray.get(task))
        except self.ray.exceptions.RayError as error:
            return f"lost its process: {str(error).strip().splitlines()[0]}"

    def _save(self, waiting: dict[Any, Place]) -> None:
        """Stop all runs, and wait until they have saved."""
        for task in waiting:
            with suppress(Exception):
                self.ray.cancel(task, force=False)
        self.ray.wait(list(waiting), num_returns=len(waiting), timeout=PATIENCE)


def _train(program: Program, data: str | Data, job: Job) -> str:
    """One run, in a process of Ray's."""
    torch.set_num_threads(max(1, int(os.environ.get("OMP_NUM_THREADS", "1"))))
    try:
        return work(program, data, job, Reporter())
    except (InterruptedRunError, KeyboardInterrupt):
        return STOPPED
