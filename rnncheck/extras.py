"""Optional packages, and the command that installs them."""

from importlib import import_module
from importlib.util import find_spec

from rnncheck.errors import CannotRun
from rnncheck.text import printable

EXTRAS = {
    "onnx": ("onnx", "onnxruntime"),
    "jax": ("jax", "flax", "equinox"),
    "keras": ("keras", "h5py"),
    "parquet": ("pyarrow",),
}
"""The modules that an extra of rnncheck installs."""


def extra_of(module: str) -> str | None:
    """The extra that installs this module, if there is one."""
    return next((extra for extra, modules in EXTRAS.items() if module in modules), None)


def installed(what: str, extra: str, *packages: str) -> None:
    """Raises `CannotRun` where one of the packages, which are imported by these names, is not installed."""
    missing = [each for each in packages if find_spec(each) is None]
    if missing:
        is_missing = "is" if len(missing) == 1 else "are"
        raise CannotRun(
            f"{what} needs {' and '.join(missing)}, which {is_missing} not installed: pip install 'rnncheck[{extra}]'"
        )


def needed(what: str, extra: str, *packages: str) -> None:
    """Imports the packages. Raises `CannotRun` where one is not installed, or cannot be imported."""
    installed(what, extra, *packages)
    for each in packages:
        try:
            import_module(each)
        except Exception as problem:  # a broken installation may raise anything
            raise CannotRun(
                f"{what} needs {each}, which is installed but cannot be imported: {type(problem).__name__}: "
                f"{printable(str(problem), 200)}; install it again: pip install --force-reinstall {each}"
            ) from problem
