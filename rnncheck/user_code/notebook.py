"""Loads a class from the cells of a Jupyter notebook: its definition, and the imports and definitions that it needs.

Nothing else in the notebook is run: no training, no plot, no import of what the class does not use. Lines keep their
places, counted over all code cells one below the other.
"""

import ast
import builtins
import importlib.util
import json
import linecache
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from pathlib import Path
from symtable import SymbolTable, symtable
from types import ModuleType

from rnncheck.errors import CannotRun
from rnncheck.text import printable

MAGIC = re.compile(r"\s*[%!?]|.*\?\s*$")  # a line for IPython, not for Python
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Notebook(Loader):
    """Loads a notebook as a module that has `attribute`, or every class and function where that is None."""

    def __init__(self, path: Path, attribute: str | None) -> None:
        self._path, self._attribute = path, attribute

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Raises `CannotRun` for a file that is not a notebook."""
        lines = needed(code(self._path), self._attribute and self._attribute.partition(".")[0])
        name = str(self._path)
        module.__file__ = name
        # Where inspect and tracebacks look for lines; without a time nothing is read from the file itself.
        linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
        exec(compile("".join(lines), name, "exec"), vars(module))


def load(path: Path, attribute: str | None, name: str) -> ModuleType:
    """The module, under its name."""
    spec = importlib.util.spec_from_file_location(name, path, loader=Notebook(path, attribute))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def code(path: Path) -> list[str]:
    """The code cells, one text each; a line for IPython is empty."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = [each["source"] for each in cells if each["cell_type"] == "code"]
        texts = [source if isinstance(source, str) else "".join(source) for source in sources]
    except (ValueError, KeyError, TypeError) as problem:
        raise CannotRun(f"{printable(str(path), 200)} is not a Jupyter notebook in format 4: {problem}") from None
    return ["".join("\n" if MAGIC.match(line) else f"{line}\n" for line in text.splitlines()) for text in texts]


def needed(cells: Iterable[str], wanted: str | None) -> list[str]:
    """The lines of all cells, with empty lines for those that the wanted definition does not need."""
    lines: list[str] = []
    statements: list[tuple[ast.stmt, int]] = []  # and how many lines lie above its cell
    for cell in cells:
        with suppress(SyntaxError):  # a cell that Python cannot read defines nothing
            statements += [(each, len(lines)) for each in ast.parse(cell).body]
        lines += cell.splitlines(keepends=True)
    names = [defined(each) for each, _ in statements]
    missing = {wanted} if wanted else {each.name for each, _ in statements if isinstance(each, DEFINITIONS)}
    chosen: set[int] = set()
    done: set[str] = set()
    while missing:
        done |= missing
        more = {index for index, found in enumerate(names) if found & missing} - chosen
        chosen |= more
        missing = {name for index in more for name in used(statements[index][0])} - done
    given = set().union(*names) | set(dir(builtins))
    for index, (statement, _) in enumerate(statements):
        if isinstance(statement, ast.ImportFrom) and "*" in names[index] and exported(statement) & (done - given):
            chosen.add(index)
    kept: set[int] = set()
    for statement, above in (statements[index] for index in chosen):
        kept |= set(range(above + first_line(statement), above + (statement.end_lineno or 0) + 1))
    return [line if number in kept else "\n" for number, line in enumerate(lines, 1)]


def exported(statement: ast.ImportFrom) -> set[str]:
    """The names that `from module import *` gives; none where the module cannot be imported."""
    try:
        module = importlib.import_module(statement.module or "")
    except Exception:  # of any module
        return set()
    return set(getattr(module, "__all__", [name for name in dir(module) if not name.startswith("_")]))


def first_line(statement: ast.stmt) -> int:
    """The line of the first decorator, or else of the definition."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


def defined(statement: ast.stmt) -> set[str]:
    """The names that an import, a definition or an assignment gives; none of any other statement."""
    match statement:
        case ast.Import() | ast.ImportFrom():
            return {(each.asname or each.name).partition(".")[0] for each in statement.names}
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {statement.name}
        case ast.Assign() | ast.AnnAssign():
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            return {name for target in targets for name in stored(target)}
        case ast.If() | ast.Try():
            return {name for each in statement.body for name in defined(each)}
        case _:
            return set()


def stored(target: ast.expr) -> Iterator[str]:
    """The assigned names. `x.y = 1` and `x[0] = 1` assign no name."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from stored(each)


def used(statement: ast.stmt) -> set[str]:
    """The names that it takes from the module: neither parameters nor what its functions assign."""
    table = symtable(ast.unparse(statement), "<cell>", "exec")
    return {each.get_name() for each in table.get_symbols() if each.is_referenced()} | set(of_the_module(table))


def of_the_module(table: SymbolTable) -> Iterator[str]:
    for inner in table.get_children():
        yield from (each.get_name() for each in inner.get_symbols() if each.is_global())
        yield from of_the_module(inner)
