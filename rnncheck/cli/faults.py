"""`rnncheck faults`: lists the catalogue, or explains one fault or variant."""

import sys
from collections.abc import Sequence
from dataclasses import asdict

from rnncheck.cli.options import PageFormat
from rnncheck.errors import UsageError
from rnncheck.faults.pages import Page, page, pages
from rnncheck.model.spec import Cell


def tell(slug: str | None, cell: Cell | None, format: PageFormat) -> None:
    """Writes the page of that fault, or the whole catalogue, to stdout; all for that cell, if one is given."""
    if slug is not None and slug not in pages() and is_variant(slug.removeprefix("variant:")):
        sys.stdout.write(variant_in_words(slug.removeprefix("variant:"), format))
        return
    told_of = list(pages().values()) if slug is None else [page(slug)]
    chosen = [each for each in told_of if cell is None or cell in each.cells]
    if not chosen:
        raise UsageError(f"{slug} is not a fault of the {cell}, only of the {' and the '.join(told_of[0].cells)}")
    sys.stdout.write(pages_in_words(chosen, cell, format, catalogue=slug is None))


def pages_in_words(pages: Sequence[Page], cell: Cell | None, format: PageFormat, *, catalogue: bool) -> str:
    if format == "json":
        from rnncheck.reporters.json_file import dump

        facts = [asdict(each) | {"try_it": each.try_it(cell)} for each in pages]
        return dump({"schema": "rnncheck/faults/1", "faults": facts})
    if format == "markdown":
        from rnncheck.reporters import faults_markdown

        return faults_markdown.render_catalogue(pages) if catalogue else faults_markdown.render_page(pages[0], cell)
    from rnncheck.reporters.terminal import faults

    return faults.render_catalogue(pages, sys.stdout) if catalogue else faults.render_page(pages[0], cell, sys.stdout)


def is_variant(slug: str) -> bool:
    from rnncheck.faults.variant_names import slugs

    return slug in slugs()


def variant_in_words(slug: str, format: PageFormat) -> str:
    """The equations of a variant, where they come from and who uses them."""
    from rnncheck.faults.variants import variant

    each = variant(slug)
    facts = {name: getattr(each, name) for name in ("slug", "cell", "title", "equations", "source", "users")}
    facts["try_it"] = f"rnncheck compare CANDIDATE --against variant:{slug} --cell {each.cell}"
    if format == "json":
        from rnncheck.reporters.json_file import dump

        return dump({"schema": "rnncheck/faults/1", "faults": [], "variants": [facts]})
    if format == "markdown":
        from rnncheck.reporters import faults_markdown

        return faults_markdown.render_variant(facts)
    from rnncheck.reporters.terminal import faults

    return faults.render_variant(facts, sys.stdout)
