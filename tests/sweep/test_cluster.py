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

GROUPS = 100


def told(each: Explored) -> tuple[object, ...]:
    return each.index, each.drawn, [(place, suspect.configuration) for place, suspect in each.suspects]


@pytest.mark.dask
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_worker_that_is_killed_loses_nothing_and_nothing_is_counted_twice(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="dask.distributed is not installed: pip install 'rnncheck[dask]'")
    sides, space = Sides(planted(tmp_path, "B > 16")), space_of(["T,B,H,seed"], ["cell=gru"])
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
        assert any(suspects for _, _, suspects in found)
    finally:
        cluster.close()


@pytest.mark.slow
def test_a_worker_reads_the_candidate_anew_in_each_sweep_and_refuses_another_file(tmp_path: Path) -> None:
    space, right = space_of(["T,B,H,seed"], ["cell=gru"]), planted(tmp_path, "False")
    before = Job(Sides(right), space, 0)
    assert not suspects(before(0))
    wrong = planted(tmp_path, "B > 2")
    assert wrong == right
    assert suspects(Job(Sides(wrong), space, 0)(0))
    assert "not the same file" in str(before(0))


def suspects(answer: list[Explored] | str) -> int:
    assert not isinstance(answer, str), answer
    return sum(len(each.suspects) for each in answer)
