"""Draws docs/rooms.svg: the rooms of the house on their floors, and who imports whom. `python scripts/render_rooms.py`.

Floors are those of the first contract in pyproject.toml; what a room is for is the first sentence of its docstring.
"""

import ast
import textwrap
import tomllib
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rnncheck"
PICTURE = ROOT / "docs" / "rooms.svg"
WIDTH, FLOOR, HEIGHT, GAP, MARGIN = 1000, 112, 76, 14, 20
NARROW = 240
STYLE = """\
text { font: 12px ui-sans-serif, system-ui, sans-serif; fill: #24292f }
.room { font-weight: 600; font-size: 14px }
.box { fill: #f6f8fa; stroke: #8c959f }
.line { fill: none; stroke: #0969da; stroke-opacity: 0.22 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .box { fill: #161b22; stroke: #6e7681 } .line { stroke: #58a6ff; stroke-opacity: 0.3 }
}"""


def floors() -> list[list[str]]:
    """The rooms of each floor, the highest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers: list[str] = project["tool"]["importlinter"]["contracts"][0]["layers"]
    return [[room for room in layer.split(" | ") if room != "__main__"] for layer in layers]


def files_of(room: str) -> list[Path]:
    folder = PACKAGE / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{room}.py"]


def told(room: str) -> str:
    """What it is for, in a line or two."""
    folder = PACKAGE / room
    text = (folder / "__init__.py" if folder.is_dir() else PACKAGE / f"{room}.py").read_text()
    first = (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]
    return first.replace("`", "")


def imported(room: str) -> set[str]:
    """The rooms that its modules import."""
    found = set[str]()
    for file in files_of(room):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (module := node.module or "").startswith("rnncheck"):
                rest = module.split(".")[1:]
                found |= {rest[0]} if rest else {each.name for each in node.names}
    return found - {room}


def boxes() -> dict[str, tuple[float, float, float]]:
    """The left edge, the top and the width of each room."""
    placed: dict[str, tuple[float, float, float]] = {}
    for floor, rooms in enumerate(floors()):
        width = (WIDTH - 2 * MARGIN - GAP * (len(rooms) - 1)) / len(rooms)
        for place, room in enumerate(rooms):
            placed[room] = (MARGIN + place * (width + GAP), MARGIN + floor * FLOOR, width)
    return placed


def lines(placed: dict[str, tuple[float, float, float]]) -> Iterator[str]:
    """A line from the bottom of each room to the top of each that it imports, and that is no ground of all."""
    ground = set(floors()[-1])
    for room, (x, y, width) in placed.items():
        for other in sorted(imported(room) & placed.keys() - ground):
            to_x, to_y, to_width = placed[other]
            start, end = x + width / 2, to_x + to_width / 2
            bend = (to_y - y - HEIGHT) / 2
            yield (
                f'<path class="line" d="M {start:.0f} {y + HEIGHT} C {start:.0f} {y + HEIGHT + bend:.0f} '
                f'{end:.0f} {to_y - bend:.0f} {end:.0f} {to_y}"/>'
            )


def drawn(room: str, x: float, y: float, width: float) -> Iterator[str]:
    files = files_of(room)
    count = sum(len(each.read_text().splitlines()) for each in files)
    size = f"{count:,} lines"
    if len(files) > 1:
        size = f"{len(files)} files, {size}" if width > NARROW else f"{len(files)} files"
    yield f'<rect class="box" x="{x:.0f}" y="{y}" width="{width:.0f}" height="{HEIGHT}" rx="6"/>'
    yield f'<text class="room" x="{x + 10:.0f}" y="{y + 19}">{room}</text>'
    yield f'<text x="{x + width - 10:.0f}" y="{y + 19}" text-anchor="end" opacity="0.7">{size}</text>'
    for number, line in enumerate(textwrap.wrap(told(room), int(width / 6.6), max_lines=3, placeholder=" …")):
        yield f'<text x="{x + 10:.0f}" y="{y + 36 + 15 * number}">{escape(line)}</text>'


def picture() -> str:
    placed = boxes()
    height = MARGIN * 2 + FLOOR * len(floors()) - (FLOOR - HEIGHT)
    parts = [*lines(placed), *(part for room, box in placed.items() for part in drawn(room, *box))]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="The rooms of rnncheck, each importing from floors below its own">\n<style>\n{STYLE}\n</style>\n'
        f"{body}\n</svg>\n"
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
