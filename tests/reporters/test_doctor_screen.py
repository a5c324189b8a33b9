"""The screen of `rnncheck doctor`."""

from reporters.streams import Stream
from syrupy.assertion import SnapshotAssertion

from rnncheck.reporters.terminal import render_doctor

FACTS: dict[str, object] = {
    "rnncheck": "0.1.0",
    "versions": {"python": "3.12.4", "torch": "2.9.0"},
    "devices": {"cpu": "cpu", "cuda:0": "NVIDIA \x1b[31m[/red] " + "with a long name " * 5},
    "precision": {"tf32_matmul": False, "threads": 8, "float32_matmul_precision": "highest"},
}


def test_facts_stand_in_two_columns_below_their_section(snapshot: SnapshotAssertion) -> None:
    assert render_doctor(FACTS, Stream(), 80) == snapshot


def test_nothing_to_tell_is_no_error() -> None:
    assert render_doctor({}) == "\n"
