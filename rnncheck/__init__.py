"""rnncheck: is this recurrent layer the same function as that one, and if not, where do they differ?

`check` compares two layers and returns a report; `assert_equivalent` does the same in a test. Both are imported on
first use.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnncheck.api import assert_equivalent, check
    from rnncheck.errors import CannotRun, RnncheckError, UsageError
    from rnncheck.report import Report, Verdict

__version__ = "0.1.0"
__all__ = ["CannotRun", "Report", "RnncheckError", "UsageError", "Verdict", "assert_equivalent", "check"]

_HOMES = {
    "assert_equivalent": "rnncheck.api",
    "check": "rnncheck.api",
    "CannotRun": "rnncheck.errors",
    "RnncheckError": "rnncheck.errors",
    "UsageError": "rnncheck.errors",
    "Report": "rnncheck.report",
    "Verdict": "rnncheck.report",
}


def __getattr__(name: str) -> object:
    """Imports a public name on first use, so that the command line reports a wrong option without importing torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rnncheck' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
