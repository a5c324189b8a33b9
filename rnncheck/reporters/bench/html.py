"""The benchmark as an HTML page: the result, a plot of the speeds with their intervals, and every number.

It needs nothing from the network and no script. The page's style is that of the report.
"""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from rnncheck.errors import CannotRun
from rnncheck.reporters import html
from rnncheck.reporters.bench.words import deviation, interval, kind, ratio, seconds, sentences, size_in_bytes, threads
from rnncheck.timings import Bench, Outcome, Row

HERE, STYLE = Path(__file__).parent, Path(html.__file__).parent / "style.css"
WIDTH, LEFT, LINE, TOP, LABEL = 760, 330, 26, 24, 60  # of the plot, in pixels
COLOURS = {Outcome.FASTER: "within", Outcome.SLOWER: "beyond", Outcome.NO_DIFFERENCE: "open"}


def render(bench: Bench) -> str:
    """The page. Raises `CannotRun` where jinja2 is not installed."""
    try:
        import jinja2
    except ImportError:
        raise CannotRun("the HTML report needs jinja2; install it with: pip install 'rnncheck[html]'") from None

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    words = {each.__name__: each for each in (deviation, interval, kind, ratio, seconds, size_in_bytes)}
    environment.filters |= words
    return environment.get_template("bench.html.jinja").render(
        bench=bench,
        sentences=list(sentences(bench)),
        plot=plot(bench.rows),
        changed=any(each.change for each in bench.rows),
        threads=threads(bench),
        style=STYLE.read_text(encoding="utf-8"),
    )


def ratio_label(power: int) -> str:
    return f"{2**power} x" if power >= 0 else f"1/{2**-power} x"


def plot(rows: Sequence[Row]) -> str:
    """A line for each row: the speed and its interval on an axis of powers of two around 1."""
    if not rows:
        return ""
    ends = [math.log2(each) for row in rows for each in (row.speed.low, row.speed.high)]
    low, high = min(math.floor(min(ends)), -1), max(math.ceil(max(ends)), 1)

    def at(speed: float) -> float:
        return LEFT + (WIDTH - LEFT - 12) * (math.log2(speed) - low) / (high - low)

    height = TOP + LINE * len(rows) + 8
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Speed of each size and pass, with its interval">'
    ]
    apart = math.ceil(LABEL * (high - low) / (WIDTH - LEFT))
    for power in (each for each in range(low, high + 1) if each % apart == 0):
        style = "jump" if power == 0 else "grid"
        parts.append(
            f'<path class="{style}" d="M{at(2.0**power):.1f} {TOP - 4}V{height - 4}"/>'
            f'<text class="axis middle" x="{at(2.0**power):.1f}" y="{TOP - 10}">{ratio_label(power)}</text>'
        )
    for index, row in enumerate(rows):
        y, style = TOP + LINE * (index + 0.5), COLOURS[row.speed.outcome]
        said = f"{row.size}, {kind(row)}"
        parts.append(
            f'<text class="axis end" x="{LEFT - 10}" y="{y + 4:.1f}">{escape(said)}</text>'
            f'<path class="range {style}" d="M{at(row.speed.low):.1f} {y:.1f}H{at(row.speed.high):.1f}"/>'
            f'<circle class="{style}" cx="{at(row.speed.value):.1f}" cy="{y:.1f}" r="4"><title>{escape(said)}: '
            f"{ratio(row.speed)}, {interval(row.speed)}</title></circle>"
        )
    return "".join([*parts, "</svg>"])
