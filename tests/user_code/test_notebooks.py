"""A class in a notebook: read from its cells, run alone, and shown as a page."""

import json
import linecache
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnncheck import check
from rnncheck.errors import CannotRun
from rnncheck.user_code.notebook import code, needed

ROOT = Path(__file__).parents[2]
SEED = ROOT / "examples" / "notebook" / "notebook.ipynb"
CELLS = [
    "%matplotlib inline\nimport torch\nfrom torch import nn\nimport nowhere_to_be_found\n",
    "raise SystemExit('a cell of its own')\n",
    "this is no Python\n",
    "SCALE, OTHER = 1.0, print('not needed') or 2\n",
    "def squash(x):\n    return torch.tanh(SCALE * x)\n",
    (
        "class Cell(nn.Module):\n    def __init__(self, input_size, hidden_size):\n        super().__init__()\n"
        "        self.x2h = nn.Linear(input_size, hidden_size)\n"
        "        self.h2h = nn.Linear(hidden_size, hidden_size)\n\n"
        "    def forward(self, x, h):\n        return squash(self.x2h(x) + self.h2h(h))\n"
    ),
]


def write(path: Path, cells: list[str]) -> Path:
    facts = [{"cell_type": "code", "source": each.splitlines(keepends=True)} for each in cells]
    path.write_text(json.dumps({"cells": facts, "nbformat": 4}))
    return path


def test_only_what_the_class_needs_is_kept_and_lines_keep_their_places(tmp_path: Path) -> None:
    cells = code(write(tmp_path / "own.ipynb", CELLS))
    lines = needed(cells, "Cell")
    kept = "".join(lines)
    assert "nowhere_to_be_found" not in kept
    assert "SystemExit" not in kept
    assert [name for name in ("import torch", "SCALE", "def squash", "class Cell") if name not in kept] == []
    assert lines.index("class Cell(nn.Module):\n") == "".join(cells).splitlines().index("class Cell(nn.Module):")


def test_names_of_star_imports_are_found_where_no_cell_defines_them() -> None:
    imports = "from nowhere import *\nfrom typing import *\nfrom string import *\n"
    cells = [imports, "def cell(x: Optional[int]):\n    pass\n"]
    assert needed(cells, "cell")[:3] == ["\n", "from typing import *\n", "\n"]


def test_a_class_in_a_notebook_is_compared_alone(rnncheck: Callable[..., Any], tmp_path: Path) -> None:
    path = write(tmp_path / "own.ipynb", CELLS)
    ended = rnncheck("compare", f"{path}:Cell", "--no-witness", "--no-backward", "--format", "json")
    assert ended.code == 0, ended.stderr
    assert json.loads(ended.stdout)["candidate"]["location"].endswith("own.ipynb:10")


@pytest.mark.slow  # its class, outside of the notebook, is checked in examples/test_notebook.py
def test_the_seed_s_notebook_has_the_faults_that_its_class_has(rnncheck: Callable[..., Any]) -> None:
    ended = rnncheck("compare", f"{SEED}:RNN_Scratch", "--no-backward", "--format", "json")
    assert ended.code == 1, ended.stderr
    assert "no-recurrence" in {each["slug"] for each in json.loads(ended.stdout)["findings"]}


def test_a_file_that_is_no_notebook_is_told(tmp_path: Path) -> None:
    path = tmp_path / "own.ipynb"
    path.write_text("{}")
    with pytest.raises(CannotRun, match="is not a Jupyter notebook in format 4"):
        code(path)


def test_a_class_defined_in_a_cell_is_read_and_its_report_is_a_page(tmp_path: Path) -> None:
    source, name = "".join(needed(code(write(tmp_path / "own.ipynb", CELLS)), "Cell")), "/tmp/ipykernel_1/2.py"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)  # as IPython does
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, name, "exec"), scope)
    report = check(scope["Cell"], witness=False, backward=False)
    assert report.verdict == "equivalent"
    assert report.command is None  # no command could find it
    shown = report._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "hidden states" in shown.lower()


def test_what_a_function_calls_its_own_is_not_taken_from_other_cells(tmp_path: Path) -> None:
    trained = "x, h, hidden_size = read_data_that_is_not_here()\n"
    lines = needed(code(write(tmp_path / "own.ipynb", [CELLS[0], trained, *CELLS[3:]])), "Cell")
    assert "read_data" not in "".join(lines)
    annotated = (
        "class Typed(Base):\n    limit = LIMIT\n"
        "    def forward(self, x: Kind = first) -> Kind:\n        return [limit for limit in x]\n"
    )
    names = ("Base", "LIMIT", "Kind", "first")
    defined = "".join(f"{name} = object\n" for name in (*names, "limit", "x"))
    kept = "".join(needed(code(write(tmp_path / "typed.ipynb", [defined, annotated])), "Typed"))
    assert [name for name in (*names, "limit", "x") if f"{name} = object" in kept] == list(names)
