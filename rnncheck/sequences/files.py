"""`open_data`: the sequences in a data file."""

from pathlib import Path

from rnncheck.errors import DataError, UsageError
from rnncheck.sequences.base import Sequences
from rnncheck.sequences.batching import grouped, one_sequence, windows
from rnncheck.sequences.csv_file import open_csv
from rnncheck.sequences.normalize import normalized
from rnncheck.sequences.npy_file import open_npy
from rnncheck.sequences.options import FileOptions
from rnncheck.sequences.source import find

__all__ = ["FileOptions", "open_data"]

_FOR_TEXT = ("header", "sep", "decimal", "encoding", "missing", "sequence_id", "comment", "skip_blank")


def open_data(path: str, options: FileOptions) -> Sequences:
    """The sequences in the file at `path`, or on standard input for `-`.

    Text of any suffix is one sequence, x (T, 1, I) with one row per timestep, read in chunks as it is needed; it may
    be compressed (.gz, .bz2, .xz). A .npy file is (T,), (T, I) or (T, B, I). A window or a sequence id makes a batch
    of the rows. Only the beginning is read now, unless `options` need all of it.

    Raises `DataError` for a file that cannot be read without guessing (the beginning now, the rest from `chunks`)
    and `UsageError` for an option that means nothing for this kind of file.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".npy":
        _refuse_options_of_text(options)
    file = find(path)
    if suffix in (".parquet", ".pq", ".feather", ".arrow"):
        raise DataError(f"{file.name}: {suffix} files are not read; save it as CSV or .npy first")
    table = open_npy(file, options) if suffix == ".npy" else open_csv(file, options)
    if options.normalize != "none":
        table = normalized(table, options.normalize)
    if options.window is not None:
        return windows(table, options.window, options.stride or options.window, options.missing)
    if options.sequence_id is not None:
        return grouped(table, options.missing)
    return one_sequence(table, options.missing)


def _refuse_options_of_text(options: FileOptions) -> None:
    for name in _FOR_TEXT:
        if getattr(options, name) != getattr(FileOptions, name):
            raise UsageError(f"--{name.replace('_', '-')} is for text files; a .npy file is an array of numbers")
