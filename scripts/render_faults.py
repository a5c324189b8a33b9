"""Writes docs/faults.md from the catalogue of faults. Run it as `python scripts/render_faults.py`."""

from pathlib import Path

from rnncheck.faults.pages import pages
from rnncheck.reporters.faults_markdown import render_catalogue

PAGE = Path(__file__).parents[1] / "docs" / "faults.md"

if __name__ == "__main__":
    PAGE.write_text(render_catalogue(list(pages().values())), encoding="utf-8")
