"""The report as an HTML page: plots of the hidden states, a map of the differences, and all findings.

It needs nothing from the network and no script: jinja2 fills a template, the plots are inline SVG.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rnncheck.errors import CannotRun
from rnncheck.faults.pages import Page, pages
from rnncheck.report import Comparison, Failure, Finding, Report
from rnncheck.reporters.html.plots import heat_map, unit_plot, units_worst_first
from rnncheck.reporters.numbers import count, difference, in_words, state, times, told_apart, ulps
from rnncheck.reporters.overview import is_gradient, mode_in_words, overview
from rnncheck.reporters.verdict import sentences
from rnncheck.text import short

PLOTS = 12  # units that are plotted, the worst first
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Explained:
    """A finding with its page of the catalogue."""

    finding: Finding
    page: Page | None


def render(report: Report | Failure) -> str:
    """The page. Raises `CannotRun` where jinja2 is not installed."""
    try:
        import jinja2
    except ImportError:
        raise CannotRun("the HTML report needs jinja2; install it with: pip install 'rnncheck[html]'") from None

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "count": count,
        "difference": difference,
        "in_words": in_words,
        "times": times,
        "ulps": ulps,
        "state": state,
        "mode": mode_in_words,
        "short": short,
    }
    page = "failure" if isinstance(report, Failure) else "report"
    template = environment.get_template(f"{page}.html.jinja")
    return template.render(report=report, style=(HERE / "style.css").read_text(encoding="utf-8"), **facts(report))


def embedded(report: Report) -> str:
    """The page in an iframe, for a notebook, so that its style does not change the notebook."""
    return f'<iframe srcdoc="{escape(render(report))}" style="width: 100%; height: 40rem; border: 0"></iframe>'


def facts(report: Report | Failure) -> Mapping[str, object]:
    """The template's values besides the report itself."""
    if isinstance(report, Failure):
        return {}
    timed = [each for each in report.comparisons if each.per_timestep]
    shown = next((each for each in timed if not each.agrees), timed[0] if timed else None)
    units = [] if shown is None else units_worst_first(report, shown)
    return {
        "sentences": sentences(report),
        "findings": [Explained(each, pages().get(each.slug)) for each in report.findings],
        "rows": overview(report.comparisons),
        "gradients": [each for each in report.comparisons if is_gradient(each)],
        "others": [each for each in report.comparisons if not is_gradient(each)],
        "shown": shown,
        "units": units,
        "gaps": shown is not None and len(shown.per_timestep) < report.sequences.shape[0],
        "plots": [(unit, unit_plot(unit, report)) for unit in units[:PLOTS]],
        "map": heat_map(report, shown) if shown is not None else "",
        "environment": flat(report.environment),
        "source": flat(report.sequences.source),
        "values": values,
    }


def values(comparison: Comparison) -> tuple[str, str]:
    """The values of both sides where the difference is largest."""
    return told_apart(comparison.candidate_value, comparison.reference_value)


def flat(given: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    """Facts as pairs of texts. A list is joined with commas; nested facts become pairs of their own."""
    for key, value in given.items():
        if isinstance(value, Mapping):
            yield from ((f"{key} {inner}", said) for inner, said in flat(value))
        elif isinstance(value, bool):
            yield key, "yes" if value else "no"
        elif isinstance(value, list | tuple):
            yield key, ", ".join(f"{each:.6g}" if isinstance(each, float) else str(each) for each in value)
        elif value is not None:
            yield key, str(value)
