"""`rnncheck check`: checks every candidate of [tool.rnncheck] in pyproject.toml."""

import contextlib
import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnncheck.cli.options import CheckOptions
from rnncheck.cli.write_report import asked
from rnncheck.errors import CannotRun, ExitCode, RnncheckError, UsageError, exit_code_of
from rnncheck.files import check_writable, make_folder
from rnncheck.text import nearest, printable

SECTION = "tool.rnncheck"
WORDS = ("name", "candidate", "data", "candidates")  # keys that are no options
SET_HERE = ("format", "output", "quiet", "verbose")  # there is one screen for all
PLACE = "%"  # of a candidate's name in the file of a report
REPORT_ENDINGS = {"junit": "xml", "markdown": "md", "github": "txt"}
WORST = (
    ExitCode.HUNG_UP,
    ExitCode.INTERRUPTED,
    ExitCode.TERMINATED,
    ExitCode.BUG,
    ExitCode.MISMATCH,
    ExitCode.USAGE,
    ExitCode.CANNOT_RUN,
    ExitCode.INCONCLUSIVE,
    ExitCode.EQUIVALENT,
)  # first
SIGNALS = (ExitCode.HUNG_UP, ExitCode.INTERRUPTED, ExitCode.TERMINATED)


@dataclass(frozen=True)
class Configured:
    """One candidate: its name, and the command that checks it."""

    name: str
    command: tuple[str, ...]


def file_names(entries: Sequence[Configured]) -> list[str]:
    """Their names without what leads into another folder, or what some systems allow in no file's name; none twice."""
    found: list[str] = []
    for each in entries:
        plain = re.sub(r"[^\w.-]+", "-", each.name)
        numbered = (f"{plain}-{number}" for number in range(2, len(entries) + 2))
        found.append(next(name for name in (plain, *numbered) if name not in found))
    return found


def refuse_reports(reports: Sequence[str], candidates: int) -> None:
    """Raises `UsageError` for an unknown format and for a report file that several candidates would write."""
    for each in reports:
        name, _, path = each.partition("=")
        asked(each, CheckOptions(), None)
        if path and PLACE not in path and candidates > 1:
            raise UsageError(
                f"each of the {candidates} candidates would write its report to {printable(path, 200)}; write % where "
                f"the candidate's name goes, as in --report {name}=reports/%.{REPORT_ENDINGS.get(name, name)}"
            )


def find(config: Path | None) -> Path:
    """The given file, or the pyproject.toml here or in the nearest folder above."""
    if config is not None:
        return config
    here = Path.cwd()
    found = next(
        (each / "pyproject.toml" for each in (here, *here.parents) if (each / "pyproject.toml").is_file()), None
    )
    if found is None:
        raise CannotRun("there is no pyproject.toml here or in a folder above; name one with --config")
    return found


def read(path: Path, commands: Mapping[str, Any]) -> list[Configured]:
    """The candidates of a file. Raises `CannotRun` if it has none, `UsageError` for unknown options."""
    try:
        with path.open("rb") as file:
            told = tomllib.load(file)
    except OSError as problem:
        raise CannotRun(f"cannot read {printable(str(path), 200)}: {problem.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise CannotRun(f"{printable(str(path), 200)} is not valid TOML: {problem}") from None
    section = table(table(told, "tool", path), "rnncheck", path)
    entries = section.get("candidates", [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) and "candidate" in each for each in entries):
        raise UsageError(f'in {path.name}, each [[{SECTION}.candidates]] needs candidate = "path/to/file.py:Class"')
    if not entries:
        raise CannotRun(f"{printable(str(path), 200)} has no [[{SECTION}.candidates]]; add one with a candidate")
    defaults = {key: value for key, value in section.items() if key not in WORDS}
    return [configured({**defaults, **each}, commands) for each in entries]


def table(told: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    """A table inside another, empty if it is absent. Raises `UsageError` if it is something else."""
    found = told.get(name, {})
    if not isinstance(found, dict):
        raise UsageError(f"in {path.name}, {name} must be a table, as in [{SECTION}]")
    return found


def configured(entry: Mapping[str, Any], commands: Mapping[str, Any]) -> Configured:
    """`compare CANDIDATE --options...`, or `run DATA CANDIDATE --options...` where there is data."""
    verb = "run" if "data" in entry else "compare"
    words = [entry["data"], entry["candidate"]] if verb == "run" else [entry["candidate"]]
    parameters = {each.name: each for each in commands[verb].params}
    arguments = [word for key, value in entry.items() if key not in WORDS for word in option(key, value, parameters)]
    return Configured(str(entry.get("name", entry["candidate"])), (verb, *map(str, words), *arguments))


def option(key: str, value: object, parameters: Mapping[str, Any]) -> Iterator[str]:
    """One option in the form of the command line. Raises `UsageError` for an unknown key."""
    name = key.replace("-", "_")
    if name in SET_HERE:
        raise UsageError(
            f"[{SECTION}] has {printable(key, 60)}, which rnncheck check sets itself; leave it out, and use "
            "rnncheck check --report FORMAT=% for files"
        )
    if name not in parameters:
        near = nearest(name, parameters)
        hint = f"; did you mean {near[0].replace('_', '-')}?" if near else ""
        raise UsageError(f"[{SECTION}] has {printable(key, 60)}, which is not an option{hint}")
    found = parameters[name]
    if isinstance(value, bool):
        if value or found.secondary_opts:
            yield (found.opts if value else found.secondary_opts)[0]
    elif found.multiple:
        for each in value if isinstance(value, list) else [value]:
            yield from (found.opts[0], str(each))
    else:
        yield from (found.opts[0], ",".join(map(str, value)) if isinstance(value, list) else str(value))


def check(command: Any, names: Sequence[str], config: Path | None, reports: Sequence[str], *, verbose: bool) -> int:
    """Runs them one after the other, shows one table, and returns the exit code of the worst."""
    path = find(config)
    entries = read(path, command.commands)
    if unknown := [name for name in names if name not in {each.name for each in entries}]:
        there = ", ".join(each.name for each in entries)
        raise UsageError(
            f"{path.name} has no candidate {printable(unknown[0], 100)}; there are {printable(there, 400)}"
        )
    named = zip(entries, file_names(entries), strict=True)
    chosen = [(each, file_name) for each, file_name in named if not names or each.name in names]
    refuse_reports(reports, len(chosen))
    found = []
    with contextlib.chdir(path.resolve().parent):
        own = {each: [report.replace(PLACE, file_name) for report in reports] for each, file_name in chosen}
        for each in own:
            for report, pattern in zip(own[each], reports, strict=True):
                if file := report.partition("=")[2]:
                    if PLACE in pattern:
                        make_folder(file)
                    check_writable(file)
        for each in own:
            found.append((each.name, facts(command, each, own[each], verbose=verbose)))
            if found[-1][1]["exit_code"] in SIGNALS:  # it was stopped with a report; the others are not begun
                break
    from rnncheck.reporters.terminal import render_checks

    codes = [int(each["exit_code"]) for _, each in found]
    worst = next((code for code in map(int, WORST) if code in codes), int(ExitCode.BUG))
    sys.stdout.write(render_checks(found, worst, sys.stdout))
    return worst


def facts(command: Any, entry: Configured, reports: Sequence[str], *, verbose: bool) -> dict[str, Any]:
    """The JSON report of one candidate; of an error too."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "report.json"
        extra = [f"--report={each}" for each in reports]
        quiet = ["--verbose"] if verbose else ["--output", str(Path(folder) / "screen.txt")]
        arguments = [*entry.command, f"--report=json={written}", *extra, *quiet]
        reason = ""
        try:
            code = command(arguments, prog_name="rnncheck", standalone_mode=False)
        except RnncheckError as problem:
            code, reason = exit_code_of(problem), str(problem)
        except Exception as problem:
            if not hasattr(problem, "format_message"):  # no usage error of the command line: a bug, told as one
                raise
            code, reason = ExitCode.USAGE, problem.format_message()
        if written.is_file():
            told: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
            return told
        return {"verdict": "error", "exit_code": int(code), "reason": reason, "command": None}
