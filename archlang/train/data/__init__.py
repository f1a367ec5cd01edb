"""Data: what is learned from, where it is read, and whether a network fits it."""

from archlang.train.data import builtin as builtin, cifar as cifar, folder as folder, table as table
from archlang.train.data.columns import Columns
from archlang.train.data.dataset import Data
from archlang.train.data.fit import check_fit
from archlang.train.data.images import read_image, shown
from archlang.train.data.registry import READERS, Asked, Reader, load, reader
from archlang.train.data.samples import IGNORE, IN_MEMORY, FileSamples, Samples, Task, TensorSamples
from archlang.train.data.split import carved

__all__ = [
    "IGNORE",
    "IN_MEMORY",
    "READERS",
    "Asked",
    "Columns",
    "Data",
    "FileSamples",
    "Reader",
    "Samples",
    "Task",
    "TensorSamples",
    "carved",
    "check_fit",
    "load",
    "read_image",
    "reader",
    "shown",
]
