"""The paths: other ways to use a layer, each run on both sides after a pass."""

from pkgutil import iter_modules

from rnncheck.errors import UsageError
from rnncheck.text import printable

MACHINERY = {
    "path",
    "scene",
    "gradients",
    "handed_over",
    "ragged",
    "results_in_use",
    "sampled_dropout",
    "training_loop",
    "walk",
}
SLUGS = tuple(sorted(each.name.replace("_", "-") for each in iter_modules(__path__) if each.name not in MACHINERY))
"""The paths by name, told without importing torch: one module each."""


def checked(text: str) -> str:
    """The value of --paths, unchanged. Raises `UsageError` for none among others and for an unknown path."""
    names = text.split(",")
    if len(names) > 1 and "none" in map(str.strip, names):
        raise UsageError(f"--paths is {printable(text, 60)!r}; 'none' cannot be combined with other paths")
    for name in [] if text == "none" else names:
        if name.strip() not in ("default", "all", *SLUGS):
            raise UsageError(
                f"--paths has {printable(name.strip(), 60)!r}; it must be none, default, all, or names with commas, of "
                f"{', '.join(SLUGS)}"
            )
    return text
