"""Optional packages, and the command that installs them."""

from importlib.util import find_spec

from rnncheck.errors import CannotRun


def needed(what: str, extra: str, *packages: str) -> None:
    """Raises `CannotRun` where one of the packages, which are imported by these names, is not installed."""
    missing = [each for each in packages if find_spec(each) is None]
    if missing:
        is_missing = "is" if len(missing) == 1 else "are"
        raise CannotRun(
            f"{what} needs {' and '.join(missing)}, which {is_missing} not installed: pip install 'rnncheck[{extra}]'"
        )
