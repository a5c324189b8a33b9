"""The names of the variants, from their files, without importing any: torch is not needed."""

from pathlib import Path

from rnncheck.errors import UsageError
from rnncheck.text import nearest, printable

NOT_VARIANTS = ("__init__", "variant")


def slugs() -> list[str]:
    """A file `gru_minimal.py` is the variant gru-minimal."""
    files = sorted(each.stem for each in (Path(__file__).parent / "variants").glob("*.py"))
    return [stem.replace("_", "-") for stem in files if stem not in NOT_VARIANTS]


def check_slug(slug: str) -> None:
    """Raises `UsageError`, with the slugs that come near, when there is no such variant."""
    every = slugs()
    if slug not in every:
        near = nearest(slug, every)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(every)}"
        raise UsageError(f"no variant is called {printable(slug)!r}; {hint}")
