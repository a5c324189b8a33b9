"""The import path of a candidate: its folder comes first, and the modules of that folder are its own.

Two candidates may each have a `cells.py` beside them, and neither may get the other's.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

from rnncheck.user_code import notebook
from rnncheck.user_code.own_code import LIBRARIES, OURS

NOBODYS = {"__main__", Path(OURS).name}  # neither is a candidate's, whatever lies in its folder


class FromSource(SourceFileLoader):
    """Reads the file itself, and nothing that was compiled of it before: of two versions of one size within a second,
    Python may take the older one.
    """

    def path_stats(self, path: object) -> Mapping[str, float]:
        raise OSError("its age does not count")  # which importlib takes for a reason to compile it


class ImportPath:
    """The folders that a file imports from; without any, it shares the modules of this process.

    `package` is the outermost package that the file lies in: its name is the candidate's, even if a library has it.
    """

    def __init__(self, *folders: Path, package: str | None = None) -> None:
        self.folders, self._package = list(dict.fromkeys(folders)), package
        self._modules: dict[str, ModuleType] = {}
        self._names = {name for folder in self.folders for name in names_in(folder)} - NOBODYS
        self._entered = False

    @contextmanager
    def entered(self) -> Iterator[None]:
        """A context in which the candidate's imports find its own modules. Outside it these modules are hidden."""
        if self._entered or not self.folders:
            yield
            return
        path, others, writes = list(sys.path), self._in_the_way(), sys.dont_write_bytecode
        for name in others:
            del sys.modules[name]
        sys.modules.update(self._modules)
        sys.path[:0] = [str(folder) for folder in self.folders]
        before = list(sys.modules)
        self._entered = sys.dont_write_bytecode = True  # its folder stays as it is
        try:
            yield
        finally:
            self._entered, sys.dont_write_bytecode = False, writes
            sys.path[:] = path
            if len(sys.modules) != len(before):
                new = {name: sys.modules[name] for name in sys.modules.keys() - set(before)}
                self._modules |= {name: module for name, module in new.items() if self._is_own(name, module)}
            for name in self._modules:
                sys.modules.pop(name, None)
            sys.modules.update(others)

    def import_package(self, name: str) -> ModuleType:
        """Imports a module of its package. Call it within `entered`."""
        importlib.invalidate_caches()
        return importlib.import_module(name)

    def import_file(self, path: Path, attribute: str | None = None) -> ModuleType:
        """A file as a module of its name, if no library has that; of a notebook what `attribute` needs.

        Call it within `entered`.
        """
        importlib.invalidate_caches()
        name = path.stem if path.stem not in sys.modules else f"{path.stem}_{len(sys.modules)}"
        if path.suffix == ".ipynb":
            return notebook.load(path, attribute, name)
        spec = importlib.util.spec_from_file_location(name, path, loader=FromSource(name, str(path)))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # where dataclasses, pickle and inspect look for it
        spec.loader.exec_module(module)
        return module

    def _in_the_way(self) -> dict[str, ModuleType]:
        """What was imported from elsewhere by a name that is in its folders too. Libraries stay, as they were first."""
        taken = {name for name in self._names if name in sys.modules}
        return {
            name: module
            for name, module in (list(sys.modules.items()) if taken else [])
            if (top := name.partition(".")[0]) in taken
            and not self._is_own(name, module)
            and (top == self._package or not is_library(top))
        }

    def _is_own(self, name: str, module: ModuleType) -> bool:
        """Whether it is in one of the folders and is not a library."""
        top = name.partition(".")[0]
        if top in NOBODYS or (top != self._package and is_library(top)):
            return False
        return any(Path(place).is_relative_to(folder) for place in origins(module) for folder in self.folders)


def names_in(folder: Path) -> set[str]:
    """The modules that may lie in a folder; none in one that cannot be listed."""
    try:
        return {each.stem for each in folder.iterdir()}
    except OSError:
        return set()


def origins(module: ModuleType | None) -> list[str]:
    """A module's file, or the folders of a package without one."""
    file = getattr(module, "__file__", None)
    try:
        return [file] if file else [str(each) for each in getattr(module, "__path__", [])]
    except KeyError:  # a namespace in a package that could not be imported
        return []


def is_library(top: str) -> bool:
    """Whether it belongs to the interpreter or is installed."""
    places = origins(sys.modules.get(top))
    return not places or all(place.startswith(LIBRARIES) for place in places)
