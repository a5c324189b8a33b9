"""Every command that a README or a page of docs/ shows is run, and ends with the exit code stated beside it."""

import html
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import torch
from commands import compiled
from render_screens import SCREENS, THEMES, output_of

from rnncheck.errors import ExitCode

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "examples").rglob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
MAIN = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("cli", "mapping", "paths"))]
WITHOUT_PATHS = MAIN[1:3]
README = (ROOT / "README.md").read_text()
COMMAND_LINE = README + (ROOT / "docs" / "cli.md").read_text()
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
COMMANDS = ("compare", "run", "record", "adapt", "sweep", "bench", "check", "faults", "doctor")
EXIT_CODE = re.compile(r"#.*\bexit (\d+)")


def unmet(arguments: list[str]) -> str | None:
    """Why a command that is shown cannot be run here; what it needs built is built."""
    if any(each.startswith("cuda") for each in arguments) and not torch.cuda.is_available():
        return "no NVIDIA GPU here"
    if any(each.startswith("onnx") or each.endswith(".onnx") for each in arguments) and not find_spec("onnxruntime"):
        return "onnxruntime is not installed: pip install 'rnncheck[onnx]'"
    if any(each.startswith("keras") for each in arguments) and not find_spec("keras"):
        return "keras is not installed: pip install 'rnncheck[keras]'"
    if any(each.startswith(("flax", "equinox", "examples/jax/")) for each in arguments) and not (
        find_spec("flax") and find_spec("equinox")
    ):
        return "flax or equinox is not installed: pip install 'rnncheck[jax]'"
    programs = [each.removeprefix("exec:").split()[0] for each in arguments if each.startswith("exec:")]
    if "./lstm" in programs:
        return None if compiled(ROOT / "examples" / "commands" / "lstm.cpp", Path("lstm")) else "no C++ compiler here"
    return next((f"no {each} here" for each in programs if not shutil.which(each)), None)


def commands() -> Iterator[Any]:
    """Each line of a shell block that calls rnncheck, with the exit code its comment states (0 if it states none).

    What several pages show is run once. The commands of the main pages are run by default, the others with `-m slow`.
    """
    stated = dict[str, tuple[int, Path]]()
    for page in sorted(PAGES, key=lambda page: page not in MAIN):
        for line in "".join(SHELL_BLOCK.findall(page.read_text())).splitlines():
            if line.startswith("rnncheck "):
                exit_code = EXIT_CODE.search(line)
                code = int(exit_code[1]) if exit_code else 0
                first, _ = stated.setdefault(shlex.join(shlex.split(line, comments=True)[1:]), (code, page))
                assert code == first, f"{page} states another exit code than another page: {line}"
    for command, (code, page) in stated.items():
        strict = "--strict" in command  # which finds fault with what is left out
        slow = page not in MAIN or command.startswith("sweep")  # tests/sweep has others
        marks = [pytest.mark.paths] * (strict or page not in WITHOUT_PATHS)
        marks += [pytest.mark.explained] * strict + [pytest.mark.slow] * slow
        yield pytest.param(shlex.split(command), code, id=f"{page.relative_to(ROOT)}: rnncheck {command}", marks=marks)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that has the examples where the repository has them, and may be written to."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("arguments", "exit_code"), list(commands()))
def test_every_command_shown_ends_as_stated(
    arguments: list[str], exit_code: int, rnncheck: Callable[..., Any], checkout: Path
) -> None:
    if reason := unmet(arguments):
        pytest.skip(reason)
    outcome = rnncheck(*arguments)
    assert outcome.code == exit_code, outcome.stderr


def options_of(command: str, rnncheck: Callable[..., Any]) -> set[str]:
    return set(re.findall(r"--[a-z][a-z0-9-]+", rnncheck(command, "--help").stdout)) - {"--help"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_stands_in_the_readme_or_on_the_page_of_the_command_line(
    command: str, rnncheck: Callable[..., Any]
) -> None:
    assert options_of(command, rnncheck) <= set(re.findall(r"[`/](--[a-z][a-z0-9-]+)", COMMAND_LINE))


def test_neither_page_names_an_option_that_does_not_exist(rnncheck: Callable[..., Any]) -> None:
    known = set().union(*(options_of(command, rnncheck) for command in COMMANDS))
    assert set(re.findall(r"`(--[a-z][a-z0-9-]+)", COMMAND_LINE)) <= known | {"--help", "--version"}


def test_every_exit_code_stands_on_the_page_of_the_command_line() -> None:
    assert {f"| {int(code)} |" for code in ExitCode if f"| {int(code)} |" not in COMMAND_LINE} == set()


def test_every_command_is_told_on_the_page_of_the_command_line(rnncheck: Callable[..., Any]) -> None:
    listed = re.findall(r"^  (\w+)  ", rnncheck("--help").stdout.partition("Commands:")[2], re.M)
    assert sorted(listed) == sorted(COMMANDS)
    assert {f"### {each}\n" for each in listed if f"### {each}\n" not in COMMAND_LINE} == set()


def test_the_readme_fits_three_screens() -> None:
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_within_the_repository_lead_somewhere(page: Path) -> None:
    links = re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)|(?:src|srcset)="([^":]+)"', page.read_text())
    missing = [link for link in ("".join(each) for each in links) if not (page.parent / link).exists()]
    assert missing == []


def keys_of(facts: Any) -> Iterator[str]:
    """Every key of a report, but the names of parameters."""
    if isinstance(facts, dict):
        for key, value in facts.items():
            yield key
            yield from () if key == "shapes" else keys_of(value)
    elif isinstance(facts, list):
        for each in facts:
            yield from keys_of(each)


def test_every_key_of_the_json_report_stands_in_its_page(rnncheck: Callable[..., Any]) -> None:
    page = (ROOT / "docs" / "json.md").read_text()
    report = json.loads(rnncheck("compare", "--cell", "lstm", "--atol", "0", "--rows", "2", "--format", "json").stdout)
    assert {key for key in keys_of(report) if f"`{key}`" not in page} == set()


def python_shown(*, tests: bool) -> Iterator[Any]:
    """What is run as it is, or what pytest runs."""
    for page in (ROOT / "README.md", ROOT / "docs" / "python.md"):  # other pages show parts of layers
        for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S)):
            if ("def test_" in block) == tests:
                yield pytest.param(block, id=f"{page.relative_to(ROOT)} {number}")


@pytest.mark.explained
@pytest.mark.parametrize("code", list(python_shown(tests=False)))
def test_the_python_shown_runs(code: str, checkout: Path) -> None:
    path = checkout / "shown.py"
    path.write_text(code)
    run_path(str(path))


@pytest.mark.slow  # test_api and test_pytest_plugin hold the same kinds of tests
def test_the_tests_shown_pass(checkout: Path) -> None:
    shown = [each.values[0] for each in python_shown(tests=True)]
    for number, code in enumerate(shown):
        (checkout / f"test_{number}.py").write_text(code)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(checkout)]
    files = [f"test_{number}.py" for number in range(len(shown))]
    ended = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def words(text: str) -> set[str]:
    """Numbers may differ in their last digit from machine to machine; words do not."""
    return set(re.findall(r"[a-z_]{4,}", text))


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", SCREENS)
def test_the_pictures_show_what_the_commands_write_today(name: str) -> None:
    written = words(SCREENS[name]) | words(output_of(SCREENS[name], colours=False))
    for brightness in THEMES:
        svg = (ROOT / "docs" / f"{name}-{brightness}.svg").read_text()
        pictured = words(html.unescape(" ".join(re.findall(r">([^<>]*)</text>", svg))))
        assert pictured == written, "run scripts/render_screens.py"
