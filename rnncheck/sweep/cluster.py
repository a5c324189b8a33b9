"""Groups explored as tasks on a dask.distributed cluster, and told in their order.

Every block of groups is one task, and its answer is counted once, when its turn comes. Where a worker dies, the
scheduler gives its tasks to others.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import torch

from rnncheck import machine
from rnncheck.errors import CannotRun, RnncheckError
from rnncheck.extras import needed
from rnncheck.sweep.explore import Explored, explore
from rnncheck.sweep.quick import Comparer
from rnncheck.sweep.sides import Sides
from rnncheck.sweep.space import Space
from rnncheck.sweep.state import contents
from rnncheck.text import printable

BLOCK = 16  # groups of one task
AHEAD = 3  # tasks for each thread of the cluster
LOCAL = "local"

_one_at_a_time = threading.Lock()  # a candidate need not be safe in several threads


class Job:
    """What every task is about; it travels to the workers once."""

    def __init__(self, sides: Sides, space: Space, seed: int) -> None:
        self.sides, self.space, self.seed = sides, space, seed
        self.name = uuid.uuid4().hex  # a worker outlives the sweep, and the next one may be of changed code
        self.contents = contents(sides.files())

    def __call__(self, block: int) -> list[Explored] | str:
        """One task, on a worker: what came of its groups, or why they cannot be run there."""
        with _one_at_a_time, machine.tf32(False):
            torch.set_num_threads(1)
            try:
                comparer = self.comparer()
                first = block * BLOCK
                return [explore(comparer, self.space, self.seed, index) for index in range(first, first + BLOCK)]
            except RnncheckError as problem:
                return str(problem)

    def comparer(self) -> Comparer:
        """Made once in a process for each sweep: reading a candidate takes a while. Raises `CannotRun`."""
        if self.name not in _comparers:
            _comparers.clear()
            comparer = Comparer(*self.sides.for_many().loaded())
            if contents(self.sides.files()) != self.contents:
                raise CannotRun(f"{self.sides.candidate} on a worker is not the same file as here")
            _comparers[self.name] = comparer
        return _comparers[self.name]


_comparers: dict[str, Comparer] = {}  # at most one, by the name of its sweep


class Cluster:
    """The workers of a scheduler at an address, or of one that is started here with `local`."""

    def __init__(self, address: str, workers: int, job: Job, say: Callable[[str], None]) -> None:
        """Raises `CannotRun` where dask is not installed, or the scheduler does not answer."""
        needed("--dask", "dask", "distributed")
        import distributed

        self._cluster: Any = None
        try:
            if address == LOCAL:
                self._cluster = distributed.LocalCluster(
                    n_workers=workers, threads_per_worker=1, processes=True, silence_logs=logging.ERROR
                )
            self._client = distributed.Client(self._cluster or address, timeout=20)
        except (OSError, ValueError, TimeoutError, RuntimeError) as problem:
            what = "its processes cannot be started" if address == LOCAL else "cannot reach a scheduler"
            raise CannotRun(f"--dask {printable(address, 200)}: {what}: {printable(str(problem), 200)}") from None
        say(f"dask dashboard: {self._client.dashboard_link}")
        self._job = self._client.scatter(job, broadcast=True, hash=False)
        self._tasks: dict[int, Any] = {}

    def explored(self, first: int, end: int | None) -> Iterator[Explored]:
        from distributed.scheduler import KilledWorker

        index = first
        while end is None or index < end:
            block, place = divmod(index, BLOCK)
            self._hand_out(block, end)
            try:
                answer = self._tasks[block].result()
            except KilledWorker:
                raise CannotRun(
                    "several workers of the cluster died on the same configurations: the candidate's code ended them, "
                    "or they have not enough memory; --workers 1 without --dask shows where"
                ) from None
            if isinstance(answer, str):
                raise CannotRun(printable(answer, 1000))
            for each in answer[place:]:
                if end is None or each.index < end:
                    yield each
            del self._tasks[block]
            index = (block + 1) * BLOCK

    def _hand_out(self, block: int, end: int | None) -> None:
        """As many tasks as keep all threads busy. They are of one cluster, so a block has one task."""
        threads = sum(self._client.nthreads().values())
        last = block + AHEAD * max(1, threads)
        if end is not None:
            last = min(last, (end - 1) // BLOCK + 1)
        for each in range(block, last):
            if each not in self._tasks:
                self._tasks[each] = self._client.submit(call, self._job, each, pure=False)

    def close(self) -> None:
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def call(job: Job, block: int) -> list[Explored] | str:
    return job(block)
