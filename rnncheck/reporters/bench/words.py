"""Formats times, speeds and bytes for people."""

from collections.abc import Iterator, Sequence

from rnncheck.text import short
from rnncheck.timings import Bench, Outcome, Ratio, Row, Spread

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
BYTES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def seconds(value: float) -> str:
    """A time with three digits: 1.21 ms."""
    factor, unit = next((each for each in UNITS if value >= each[0]), UNITS[-1])
    return f"{digits(value / factor)} {unit}"


def digits(value: float) -> str:
    """A number with three digits, without a power of ten."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def deviation(spread: Spread) -> str:
    """Half of the distance between the quartiles, as a share of the median."""
    return f"±{50 * (spread.upper - spread.lower) / spread.median:.0f} %"


def ratio(value: Ratio) -> str:
    return f"{digits(value.value)} x"


def interval(value: Ratio) -> str:
    return f"{digits(value.low)} to {digits(value.high)}"


def size_in_bytes(value: int | None) -> str:
    if not value:
        return "-" if value is None else "0"
    factor, unit = next((each for each in BYTES if value >= each[0]), BYTES[-1])
    return f"{digits(value / factor)} {unit}"


def how(bench: Bench) -> str:
    """What was timed, and where."""
    model = f"{str(bench.model['cell']).upper()} L {bench.model['num_layers']}"
    device = bench.environment.get("device", bench.model["device"])
    return f"{model}, {bench.model['dtype']} on {device}, {threads(bench)}"


def threads(bench: Bench) -> str:
    return f"{bench.threads} thread{'s' * (bench.threads != 1)}"


def sentences(bench: Bench) -> Iterator[str]:
    """The result in sentences, the answer first."""
    sizes = {row.size for row in bench.rows}
    where = f"at all {len(sizes)} sizes" if len(sizes) > 1 else f"at {next(iter(sizes))}" if sizes else ""
    candidate, reference = short(bench.candidate), short(bench.reference)
    asked = f"--fail-below {bench.fail_below:g} allows" if bench.fail_below is not None else ""
    if bench.too_slow:
        yield f"{len(bench.too_slow)} of {len(bench.rows)} rows are slower than {asked}"
    elif bench.undecided:
        yield (
            f"{len(bench.undecided)} of {len(bench.rows)} rows may be slower than {asked}: the interval of their "
            f"speed contains {bench.fail_below:g}; measure longer with --seconds"
        )
    yield f"{candidate} and {reference} compute the same {str(bench.model['cell']).upper()} {where}"
    for name, rows in kinds(bench.rows):
        speeds = [row.speed.value for row in rows]
        least, most = digits(min(speeds)), digits(max(speeds))
        span = least if least == most else f"{least} to {most}"
        yield f"{name}: {span} times as fast as {reference} ({', '.join(outcomes(rows))})"


def outcomes(rows: Sequence[Row]) -> Iterator[str]:
    """How many of the rows are faster, slower, or neither; just which, where all are the same."""
    for each in Outcome:
        if count := sum(row.speed.outcome == each for row in rows):
            yield str(each) if count == len(rows) else f"{count} of {len(rows)} {each}"


def kinds(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """The rows of each pass, eager and compiled."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(kind(row), []).append(row)
    yield from found.items()


def kind(row: Row) -> str:
    return f"{row.run}, compiled" if row.compiled else row.run
