"""All facts as one JSON object, schema `rnncheck/bench/1`, for `rnncheck bench --baseline`."""

from rnncheck.reporters.json_file import dump
from rnncheck.timings import Bench


def render(bench: Bench) -> str:
    return dump(bench.as_json())
