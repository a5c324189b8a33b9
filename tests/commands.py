"""Programs that `exec:` can be given, built for the tests."""

import atexit
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

EXAMPLES = Path(__file__).parents[1] / "examples" / "commands"


def compiled(source: Path, program: Path) -> bool:
    """Whether `program` was made of a C++ source; not where no compiler is installed."""
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return False
    shutil.copy(built(compiler, source), program)
    return True


@cache
def built(compiler: str, source: Path) -> Path:
    """Once in a run of the tests."""
    folder = Path(mkdtemp(prefix="rnncheck-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    flags = ["-O0", "-std=c++17", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *flags, "-o", str(folder / "program"), str(source)], check=True, capture_output=True)
    return folder / "program"
