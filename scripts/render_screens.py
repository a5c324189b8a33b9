"""Renders the pictures in docs/ from the real output of real commands, one for light pages and one for dark ones.

Run it as `python scripts/render_screens.py [FOLDER]`, with rnncheck installed. The pictures of the HTML report need
Chromium; without it they stay as they are.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path
from textwrap import wrap

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI, TerminalTheme
from rich.text import Text

ROOT = Path(__file__).parents[1]
WIDTH = 80
SUNSPOTS = "rnncheck run examples/sunspots.csv --columns SUNACTIVITY --normalize standard"
NOTEBOOK = "python examples/notebook/check_notebook.py"
SCREENS = {"sunspots": SUNSPOTS, "notebook": NOTEBOOK}
PAGE = "rnncheck compare examples/candidates/textbook_gru.py:TextbookGRUCell --cell gru -q"
PAGE_SIZE = "1000,2080"  # of the pictures of the HTML report, in pixels
# black, red, green, yellow, blue, magenta, cyan, white; then the same, brighter
ANSI_ON_WHITE = (
    "#24292f #cf222e #116329 #9a6700 #0969da #8250df #1b7c83 #6e7781",
    "#57606a #a40e26 #1a7f37 #633c01 #218bff #a475f9 #3192aa #8c959f",
)


def rgb(color: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return red, green, blue


LIGHT = TerminalTheme(rgb("#ffffff"), rgb("#24292f"), *([rgb(each) for each in row.split()] for row in ANSI_ON_WHITE))
THEMES = {"light": LIGHT, "dark": DIMMED_MONOKAI}

# rich's own format without its fonts from the network: every reader has a monospaced font of their own.
SVG = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
    font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
    font-size: {char_height}px;
    line-height: {line_height}px;
    font-variant-ligatures: none;
}}
.{unique_id}-title {{ font-size: 18px; font-family: ui-monospace, Menlo, Consolas, monospace; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def output_of(command: str, *, colours: bool = True) -> str:
    """What the command writes to a terminal of 80 columns."""
    program, *arguments = command.split()
    run = [sys.executable, "-m", "rnncheck"] if program == "rnncheck" else [sys.executable]
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    terminal = {"COLUMNS": str(WIDTH), "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [*run, *arguments],
        cwd=ROOT,
        env=inherited | terminal | ({"FORCE_COLOR": "1"} if colours else {}),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    return ended.stdout


def prompt(command: str) -> str:
    """The command as it is typed, broken between options."""
    option_with_value = re.compile(r"(--\S+) (?!-)")
    lines = wrap(option_with_value.sub("\\1\xa0", f"$ {command}"), WIDTH - 6)
    return " \\\n    ".join(lines).replace("\xa0", " ")


def picture(command: str, output: str, theme: TerminalTheme) -> str:
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    console.print(prompt(command), highlight=False, style="bold")
    console.print(Text.from_ansi(output.rstrip()), soft_wrap=True)
    return console.export_svg(title="", theme=theme, code_format=SVG, unique_id="rnncheck")


def render_screens(folder: Path) -> None:
    for name, command in SCREENS.items():
        output = output_of(command)
        for brightness, theme in THEMES.items():
            (folder / f"{name}-{brightness}.svg").write_text(picture(command, output, theme), encoding="utf-8")


def render_pages(folder: Path, chromium: str) -> None:
    """The HTML report as a browser shows it: html-light.png and html-dark.png."""
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "report.html"
        output_of(f"{PAGE} --report html={page}")
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={PAGE_SIZE}"]
        for brightness, scheme in (("light", 1), ("dark", 0)):
            picture = folder / f"html-{brightness}.png"
            shown = [f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={picture}", page.as_uri()]
            profile = f"--user-data-dir={scratch}/{brightness}"
            subprocess.run([chromium, *flags, profile, *shown], check=True, capture_output=True)


if __name__ == "__main__":
    into = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs"
    render_screens(into)
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is not None:
        render_pages(into, browser)
