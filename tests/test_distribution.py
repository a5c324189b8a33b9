"""The wheel that users install has everything the package needs, and so has the sdist that it can be built from."""

import os
import subprocess
import sys
import tarfile
from configparser import ConfigParser
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rnncheck"


def run(*command: object, cwd: Path = ROOT, **environment: str) -> "subprocess.CompletedProcess[str]":
    arguments = [str(each) for each in command]
    given = os.environ | environment
    return subprocess.run(arguments, cwd=cwd, env=given, capture_output=True, text=True, check=False)


def python(*arguments: object, cwd: Path = ROOT, **environment: str) -> str:
    ended = run(sys.executable, *arguments, cwd=cwd, **environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources, packed and unpacked again."""
    folder = tmp_path_factory.mktemp("sdist")
    python("-m", "hatchling", "build", "-t", "sdist", "-d", folder)
    (packed,) = folder.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = (path for path in folder.iterdir() if path.is_dir())
    return unpacked


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist, as pip does where there is no wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    python("-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=sdist)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    here = {str(path.relative_to(ROOT)) for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    packed = {name for name in ZipFile(wheel).namelist() if name.startswith("rnncheck/")}
    assert packed == here
    pages, html = "rnncheck/faults/pages/gates.toml", "rnncheck/reporters/html/report.html.jinja"
    assert {"rnncheck/py.typed", pages, html, "rnncheck/reporters/html/style.css"} <= packed


def test_the_wheel_names_its_licence_its_extras_and_its_entry_points(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        (about,) = (name.partition("/")[0] for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = archive.read(f"{about}/METADATA").decode()
        entries = ConfigParser()
        entries.read_string(archive.read(f"{about}/entry_points.txt").decode())
        assert f"{about}/licenses/LICENSE" in archive.namelist()
    assert {"onnx", "keras", "jax", "parquet", "html"} <= {
        line[16:] for line in metadata.splitlines() if line[:16] == "Provides-Extra: "
    }
    assert dict(entries["console_scripts"]) == {"rnncheck": "rnncheck.cli:main"}
    assert dict(entries["pytest11"]) == {"rnncheck": "rnncheck.pytest_plugin"}


def test_what_is_installed_runs_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    python("-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-compile", "--target", installed, wheel)
    alone = {"PYTHONPATH": str(installed)}
    where = python("-c", "import rnncheck; print(rnncheck.__file__)", cwd=tmp_path, **alone).strip()
    assert Path(where).is_relative_to(installed)
    assert "gate-order" in python("-m", "rnncheck", "faults", cwd=tmp_path, **alone)
    quick = ["--no-backward", "--no-lockstep", "--no-witness", "--paths", "none", "--report", "html=report.html"]
    ended = run(sys.executable, installed / "bin" / "rnncheck", "compare", *quick, cwd=tmp_path, **alone)
    assert ended.returncode == 0, ended.stderr
    assert "equivalent" in (tmp_path / "report.html").read_text(encoding="utf-8")
