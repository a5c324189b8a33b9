"""Groups explored by several processes, one thread each, and told in their order."""

import multiprocessing
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

import torch

from rnncheck import machine
from rnncheck.errors import CannotRun, RnncheckError
from rnncheck.sweep.explore import Explored, explore
from rnncheck.sweep.quick import Comparer
from rnncheck.sweep.sides import Sides
from rnncheck.sweep.space import Space
from rnncheck.text import printable

BLOCK = 4  # groups that a worker is given at once
AHEAD = 3  # blocks for each worker that may be done before their turn


class Worker:
    """One process and the pipe to it. `block` is what it explores now."""

    def __init__(self, sides: Sides, space: Space, seed: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, sides, space, seed), daemon=True)
        self.process.start()
        theirs.close()
        self.block: int | None = None

    def give(self, block: int) -> None:
        self.block = block
        with suppress(OSError):  # it died: its sentinel says so
            self.connection.send(block)

    def end(self) -> None:
        self.process.terminate()
        self.process.join()
        self.connection.close()


def work(connection: Connection, sides: Sides, space: Space, seed: int) -> None:
    """What a worker does: blocks in, what came of their groups out, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that hands out the work
    torch.set_num_threads(1)
    answer: Any
    with suppress(EOFError, OSError), machine.tf32(False):
        try:
            comparer = Comparer(*sides.for_many().loaded())
        except RnncheckError as problem:
            connection.send(str(problem))
            return
        while True:
            block = connection.recv()
            try:
                answer = [explore(comparer, space, seed, index) for index in range(block * BLOCK, (block + 1) * BLOCK)]
            except RnncheckError as problem:
                answer = str(problem)
            connection.send(answer)


class Workers:
    """So many of them. A block whose worker dies is given to a new one, once."""

    def __init__(self, count: int, sides: Sides, space: Space, seed: int) -> None:
        self._given = sides, space, seed
        self._workers = [Worker(*self._given) for _ in range(count)]
        self._done: dict[int, list[Explored]] = {}
        self._died = Counter[int]()

    def explored(self, first: int, end: int | None) -> Iterator[Explored]:
        index = first
        while end is None or index < end:
            block, place = divmod(index, BLOCK)
            while block not in self._done:
                self._hand_out(block, end)
                self._take_in()
            yield self._done[block][place]
            if place == BLOCK - 1:
                del self._done[block]
            index += 1

    def _hand_out(self, block: int, end: int | None) -> None:
        """The next blocks to those that wait; a block that is in work or done is not given again."""
        known = self._done.keys() | {each.block for each in self._workers}
        last = block + AHEAD * len(self._workers)
        if end is not None:
            last = min(last, (end - 1) // BLOCK + 1)
        ahead = (each for each in range(block, last) if each not in known)
        for worker in self._workers:
            if worker.block is None and (following := next(ahead, None)) is not None:
                worker.give(following)

    def _take_in(self) -> None:
        """What is ready, at least one answer or a death."""
        busy = [each for each in self._workers if each.block is not None]
        ready = wait([each.connection for each in busy] + [each.process.sentinel for each in busy])
        for worker in busy:
            if worker.connection in ready:
                self._hear(worker)
            elif worker.process.sentinel in ready:
                self._replace(worker)

    def _hear(self, worker: Worker) -> None:
        try:
            answer = worker.connection.recv()
        except (EOFError, OSError):
            self._replace(worker)
            return
        if isinstance(answer, str):
            raise CannotRun(printable(answer, 1000))
        assert worker.block is not None
        self._done[worker.block], worker.block = answer, None

    def _replace(self, worker: Worker) -> None:
        assert worker.block is not None
        self._died[worker.block] += 1
        if self._died[worker.block] > 1:
            raise CannotRun(
                "a worker process died twice on the same configurations: the candidate's code ended it, or there is "
                "not enough memory; --workers 1 shows where"
            )
        worker.end()
        self._workers[self._workers.index(worker)] = Worker(*self._given)

    def close(self) -> None:
        for each in self._workers:
            each.end()
