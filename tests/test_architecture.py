"""What holds the house together and no linter sees."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import torch

import rnncheck
from rnncheck import scratch

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rnncheck"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# How torch calls its own recurrent layers and the functions behind them.
RECURRENT = re.compile(
    r"(quantized_)?(rnn|lstm|gru)(_(tanh|relu))?(_?cell)?(base)?|_thnn_.*|_?cudnn_rnn.*|mkldnn_rnn.*", re.I
)


def dotted_names(tree: ast.AST) -> Iterator[str]:
    """Every `a.b.c` in the code, and every `a.b` that is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def torch_recurrent(source: str) -> list[str]:
    """The names in the source by which torch's own recurrent layers would be reached."""
    found = []
    for name in dotted_names(ast.parse(source)):
        root, last = name.split(".")[0], name.split(".")[-1]
        if root in ("torch", "nn", "F", "functional") and ("_VF" in name or RECURRENT.fullmatch(last)):
            found.append(name)
    return found


@pytest.mark.parametrize("path", sorted((PACKAGE / "scratch").glob("*.py")), ids=lambda path: path.name)
def test_scratch_names_none_of_torch_s_own_recurrent_layers(path: Path) -> None:
    assert torch_recurrent(path.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "layer = torch.nn.RNN(2, 3)",
        "from torch.nn import LSTM",
        "h = nn.GRUCell(2, 3)(x)",
        "import torch._VF",
        "y = torch._VF.lstm(x, hx)",
        "y = torch.rnn_tanh(x, h)",
        "y = torch.gru_cell(x, h)",
    ],
)
def test_that_look_would_find_them(line: str) -> None:
    assert torch_recurrent(line)


@pytest.mark.parametrize("layer", [scratch.RNN(2, 3), scratch.LSTM(2, 3), scratch.GRU(2, 3)], ids=str)
@pytest.mark.parametrize("with_gradients", [True, False])
def test_scratch_runs_where_torch_s_recurrent_functions_are_broken(
    layer: torch.nn.Module, with_gradients: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise AssertionError("one of torch's own recurrent functions was called")

    for name in filter(RECURRENT.fullmatch, dir(torch._C._VariableFunctions)):
        monkeypatch.setattr(torch, name, broken, raising=False)
        monkeypatch.setattr(torch._VF, name, broken, raising=False)
    with pytest.raises(AssertionError, match="was called"):
        torch.nn.GRU(2, 3)(torch.rand(5, 4, 2))

    with torch.set_grad_enabled(with_gradients):
        output, _ = layer(torch.rand(5, 4, 2))
    assert output.shape == (5, 4, 3)
    assert output.requires_grad is with_gradients


def test_importing_the_package_or_its_command_line_does_not_import_torch() -> None:
    code = "import sys, rnncheck, rnncheck.cli; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_every_module_says_what_it_is_for() -> None:
    silent = [path.name for path in PACKAGE.rglob("*.py") if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_the_package_tells_type_checkers_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()


def test_the_changelog_knows_the_version() -> None:
    assert f"## {rnncheck.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def requirement_names(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", each)[0].lower() for each in requirements}


def test_every_dependency_is_pinned_in_the_constraints_file() -> None:
    lines = re.sub(r" *#.*", "", (ROOT / "constraints.txt").read_text()).split()
    project = PROJECT["project"]
    needed = requirement_names(project["dependencies"] + project["optional-dependencies"]["dev"])
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    assert needed <= requirement_names(lines)


def third_party(nodes: Iterable[ast.AST]) -> set[str]:
    imported = {
        name.split(".")[0]
        for node in nodes
        for name in ([node.module] if isinstance(node, ast.ImportFrom) and not node.level else [])
        + ([each.name for each in node.names] if isinstance(node, ast.Import) else [])
    }
    return imported - sys.stdlib_module_names - {"rnncheck", "pytest"}  # pytest loads the plugin itself


def test_what_is_imported_is_depended_on_and_what_is_optional_on_first_use_alone() -> None:
    trees = [ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")]
    extras = PROJECT["project"]["optional-dependencies"]
    needed = requirement_names(PROJECT["project"]["dependencies"])
    optional = requirement_names([each for name, every in extras.items() if name != "dev" for each in every])
    assert third_party(node for tree in trees for node in ast.walk(tree)) == needed | optional
    at_the_top = third_party(node for tree in trees for node in tree.body)
    assert at_the_top <= needed


@pytest.mark.parametrize("script", ["scripts/check", ".ci/run"])
def test_the_scripts_are_executable_and_stop_at_the_first_failure(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    assert "set -euo pipefail" in path.read_text()


def test_ci_runs_the_one_script_that_the_readme_gives() -> None:
    assert ".ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("scripts/check")
    assert "\nscripts/check\n" in (ROOT / "README.md").read_text()
