"""One line for each size and pass. Times are in seconds, memory in bytes."""

import csv
import io

from rnncheck.timings import Bench

HEADER = (
    *("seq_len", "batch_size", "input_size", "hidden_size", "run", "compiled"),
    *(f"{side}_{what}" for side in ("candidate", "reference") for what in ("median", "lower", "upper", "bytes")),
    *("speed", "speed_low", "speed_high", "outcome", "first_call", "change", "change_low", "change_high"),
)


def render(bench: Bench) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEADER)
    for row in bench.rows:
        sides = ((row.candidate, row.candidate_bytes), (row.reference, row.reference_bytes))
        times = [each for side, held in sides for each in (side.median, side.lower, side.upper, held)]
        size, speed, change = row.size, row.speed, row.change
        writer.writerow(
            [
                *(size.seq_len, size.batch_size, size.input_size, size.hidden_size, row.run, row.compiled),
                *times,
                *(speed.value, speed.low, speed.high, speed.outcome, row.first_call),
                *((change.value, change.low, change.high) if change else ("", "", "")),
            ]
        )
    return stream.getvalue()
