"""Optional packages: absent ones are told with the line that installs them, broken ones with what they raise."""

from pathlib import Path

import pytest

from rnncheck.errors import CannotRun
from rnncheck.extras import needed


def test_a_package_that_is_there_passes() -> None:
    needed("this", "dev", "json")


def test_one_that_is_absent_is_told_with_the_line_that_installs_it() -> None:
    with pytest.raises(
        CannotRun, match=r"this needs absent_one, which is not installed: pip install 'rnncheck\[one\]'"
    ):
        needed("this", "one", "absent_one")


def test_one_that_cannot_be_imported_is_told_with_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_one.py").write_text("raise AttributeError('module numpy has no attribute bool8')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CannotRun, match=r"installed but cannot be imported: AttributeError: .*bool8; install it again"):
        needed("this", "one", "broken_one")
