"""Every fact as one JSON object, schema `rnncheck/bench/1`: what `rnncheck bench --baseline` reads."""

from rnncheck.reporters.json_file import dump
from rnncheck.timings import Bench


def render(bench: Bench) -> str:
    return dump(bench.as_json())
