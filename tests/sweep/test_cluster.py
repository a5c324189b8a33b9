"""A sweep on a cluster of processes, of which one is killed."""

import os
import signal
from pathlib import Path

import pytest
from sweep.planted import planted

from rnncheck.sweep.cluster import Cluster, Job
from rnncheck.sweep.explore import Explored, Here
from rnncheck.sweep.quick import Comparer
from rnncheck.sweep.sides import Sides
from rnncheck.sweep.space import space_of

pytestmark = [pytest.mark.dask, pytest.mark.slow, pytest.mark.filterwarnings("default")]
GROUPS = 100


def told(each: Explored) -> tuple[object, ...]:
    return each.index, each.drawn, [(place, suspect.configuration) for place, suspect in each.suspects]


def test_a_worker_that_is_killed_loses_nothing_and_nothing_is_counted_twice(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="dask.distributed is not installed: pip install 'rnncheck[dask]'")
    sides, space = Sides(planted(tmp_path, "B > 16")), space_of(["T,B,H,seed"], [])
    alone = [told(each) for each in Here(Comparer(*sides.loaded()), space, 0).explored(0, GROUPS)]
    cluster = Cluster("local", 2, Job(sides, space, 0), lambda said: None)
    try:
        found = []
        for each in cluster.explored(0, GROUPS):
            found.append(told(each))
            if each.index == 20:
                pids = cluster._client.run(os.getpid)
                os.kill(next(iter(pids.values())), signal.SIGKILL)
        assert found == alone
    finally:
        cluster.close()
