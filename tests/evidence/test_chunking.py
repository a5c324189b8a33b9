"""How much of the data both sides run at a time."""

import numpy as np
import pytest
import torch

from rnncheck.data.random import random_sequences
from rnncheck.data.sequences import Sequences
from rnncheck.errors import DataError
from rnncheck.evidence import free_run
from rnncheck.model.spec import Cell, Spec


def test_one_direction_is_run_in_chunks_that_join_to_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_run, "LONGEST", 16)
    sequences = random_sequences(3, 40, 2)
    chunks = list(free_run.tensors(sequences, Spec()))
    assert [len(chunk) for chunk in chunks] == [16, 16, 8]
    assert torch.equal(torch.cat(chunks), torch.from_numpy(next(iter(sequences.chunks(40)))))


@pytest.mark.parametrize(
    ("spec", "lengths"), [(Spec(bidirectional=True), None), (Spec(), (40, 7)), (Spec(bidirectional=True), (40, 7))]
)
def test_what_reads_to_the_end_first_is_run_in_one_piece(
    monkeypatch: pytest.MonkeyPatch, spec: Spec, lengths: tuple[int, ...] | None
) -> None:
    monkeypatch.setattr(free_run, "LONGEST", 16)
    (x,) = free_run.tensors(random_sequences(3, 40, 2, lengths=lengths), spec)
    assert x.shape == (40, 2, 3)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_data_without_a_timestep_is_not_run(bidirectional: bool) -> None:
    empty = Sequences(lambda steps: iter([]), batch_size=2, input_size=3, seq_len=0)
    assert list(free_run.tensors(empty, Spec(bidirectional=bidirectional))) == []


@pytest.mark.parametrize("batch_size", [1, 64, 100_000])
@pytest.mark.parametrize("spec", [Spec(), Spec(cell=Cell.LSTM, hidden_size=512), Spec(input_size=100_000)])
def test_a_chunk_is_a_multiple_of_16_and_bounded(spec: Spec, batch_size: int) -> None:
    length = free_run.chunk_length(batch_size, spec)
    assert length % 16 == 0
    assert 16 <= length <= free_run.LONGEST
    widest = length * batch_size * max(spec.input_size, spec.cell.gates * spec.hidden_size)
    assert widest <= free_run.WIDEST or length == 16


@pytest.mark.parametrize(
    ("spec", "lengths", "why"), [(Spec(bidirectional=True), None, "both directions"), (Spec(), (64, 7), "lengths")]
)
def test_more_than_memory_holds_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch, spec: Spec, lengths: tuple[int, ...] | None, why: str
) -> None:
    monkeypatch.setattr(free_run, "LONGEST", 16)
    monkeypatch.setattr(free_run, "physical_memory", lambda: 2.0**13)
    read = []

    def chunks(steps: int):
        for _ in range(4):
            read.append(steps)
            yield np.zeros((steps, 2, 3))

    with pytest.raises(DataError, match=rf"^{why} need all timesteps at once: .* cut the data with --window N"):
        list(free_run.tensors(Sequences(chunks, 2, 3, 64, lengths), spec))
    assert len(read) == 1


def test_of_unknown_length_it_is_read_until_memory_would_not_hold_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_run, "LONGEST", 16)
    monkeypatch.setattr(free_run, "physical_memory", lambda: 2.0**17)
    read = []

    def endless(steps: int):
        while True:
            read.append(steps)
            yield np.zeros((steps, 2, 3))

    with pytest.raises(DataError, match="cut the data with --window N"):
        list(free_run.tensors(Sequences(endless, 2, 3), Spec(bidirectional=True)))
    assert 1 < len(read) < 100


def test_memory_is_known_or_without_limit() -> None:
    assert free_run.physical_memory() > 2**20
