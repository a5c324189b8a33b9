"""What the tests of data files share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncheck.data.open import FileOptions, open_data
from rnncheck.errors import CannotRun, ExitCode

WriteData = Callable[..., str]
ReadData = Callable[..., np.ndarray]


@pytest.fixture
def write_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteData:
    """Writes a data file into a folder of its own, which becomes the working folder, and gives its path."""
    monkeypatch.chdir(tmp_path)

    def write(content: str | bytes, name: str = "data.csv") -> str:
        Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    return write


@pytest.fixture
def read_data() -> ReadData:
    """All timesteps of a data file, (T, B, I)."""

    def read(path: str, **options: Any) -> np.ndarray:
        return np.concatenate(list(open_data(path, FileOptions(**options)).chunks(4)))

    return read


@pytest.fixture
def refusal(read_data: ReadData) -> Callable[..., str]:
    """What is said when a data file is refused."""

    def refuse(path: str, **options: Any) -> str:
        with pytest.raises(CannotRun) as caught:
            read_data(path, **options)
        assert caught.value.exit_code is ExitCode.CANNOT_RUN
        return str(caught.value)

    return refuse
