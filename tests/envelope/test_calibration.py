import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_bench_finds_no_false_alarm():
    command = [sys.executable, "-m", "benchmarks.envelope_calibration", "--configs", "200", "--only", "right"]
    bench = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "\n0 false alarms" in bench.stdout
