"""Optional packages: absent ones are told with the line that installs them, broken ones with what they raise."""

import sys
import tomllib
from pathlib import Path

import pytest

from rnncheck.errors import CannotRun
from rnncheck.extras import EXTRAS, extra_of, needed
from rnncheck.implementations import load
from rnncheck.model.spec import Spec


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


def test_every_module_of_an_extra_is_in_that_extra_of_the_package() -> None:
    wanted = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    for extra, modules in EXTRAS.items():
        packages = {line.partition(">")[0] for line in wanted["optional-dependencies"][extra]}
        assert set(modules) <= packages
        assert {extra_of(module) for module in modules} == {extra}
    assert extra_of("haiku") is None


def test_a_users_file_that_imports_an_absent_one_gets_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("import flax\nclass Layer: ...\n")
    monkeypatch.setitem(sys.modules, "flax", None)  # an import of it raises ModuleNotFoundError
    with pytest.raises(CannotRun, match=r"mine.py:1: ModuleNotFoundError: .*; pip install 'rnncheck\[jax\]'"):
        load(f"{tmp_path / 'mine.py'}:Layer").refuses(Spec())
