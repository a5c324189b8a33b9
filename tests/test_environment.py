"""Precision switches are set for a check, put back afterwards whatever happened, and reported as they were."""

from collections.abc import Iterator

import numpy
import pytest
import torch

from rnncheck import __version__, machine

MATMUL = ["highest", "high", "medium"]


@pytest.fixture
def _switches_put_back() -> Iterator[None]:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    yield
    torch.set_float32_matmul_precision(before[0])
    torch.backends.cudnn.allow_tf32 = before[1]


def switches() -> tuple[str, bool, bool]:
    backends = torch.backends
    return torch.get_float32_matmul_precision(), backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32


@pytest.mark.usefixtures("_switches_put_back")
@pytest.mark.parametrize("cudnn", [False, True])
@pytest.mark.parametrize("matmul", MATMUL)
@pytest.mark.parametrize(("allowed", "inside"), [(False, ("highest", False, False)), (True, ("high", True, True))])
def test_tf32_is_set_inside_and_put_back_after(
    matmul: str, cudnn: bool, allowed: bool, inside: tuple[str, bool, bool]
) -> None:
    torch.set_float32_matmul_precision(matmul)
    torch.backends.cudnn.allow_tf32 = cudnn
    before = switches()
    with machine.tf32(allowed):
        assert switches() == inside
    assert switches() == before


@pytest.mark.usefixtures("_switches_put_back")
@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt])
def test_it_is_put_back_after_an_exception_too(problem: type[BaseException]) -> None:
    torch.set_float32_matmul_precision("medium")
    before = switches()
    with pytest.raises(problem), machine.tf32(True):
        raise problem
    assert switches() == before


@pytest.mark.usefixtures("_switches_put_back")
def test_the_switches_are_read_as_they_stand() -> None:
    for allowed in (False, True):
        with machine.tf32(allowed):
            told = machine.precision_switches()
        assert (told["tf32_matmul"], told["tf32_cudnn"]) == (allowed, allowed)
        assert told["float32_matmul_precision"] == ("high" if allowed else "highest")
    assert told["threads"] == torch.get_num_threads()


def test_flushing_of_subnormal_numbers_is_seen() -> None:
    assert machine.precision_switches()["flush_denormal"] is False
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush them")
    try:
        assert machine.precision_switches()["flush_denormal"] is True
    finally:
        torch.set_flush_denormal(False)


def test_the_versions_are_those_that_run() -> None:
    told = machine.versions()
    assert (told["rnncheck"], told["torch"], told["numpy"]) == (__version__, torch.__version__, numpy.__version__)
