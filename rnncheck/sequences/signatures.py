"""Files that are no text, known by the bytes they begin with."""

from rnncheck.errors import DataError

_TO_CSV = "save it as CSV or .npy first"
_SIGNATURES = (
    (b"\x1f\x8b", "is gzip data; rename it to end in .csv.gz"),
    (b"BZh", "is bzip2 data; rename it to end in .csv.bz2"),
    (b"\xfd7zXZ\x00", "is xz data; rename it to end in .csv.xz"),
    (b"\x28\xb5\x2f\xfd", "is zstd data; decompress it first, or use gzip"),
    (b"PAR1", f"is a Parquet file; {_TO_CSV}, as with pandas.read_parquet(...).to_csv(...)"),
    (b"\x93NUMPY", "is a numpy array; give it as a file that ends in .npy"),
    (b"PK\x03\x04", f"is a zip archive (.npz and .xlsx are such); {_TO_CSV}"),
    (b"\x89HDF\r\n", f"is an HDF5 file; {_TO_CSV}"),
    (b"ARROW1", f"is an Arrow file; {_TO_CSV}"),
    (b"\x89PNG", "is a PNG image, not a table of numbers"),
    (b"%PDF-", "is a PDF document, not a table of numbers"),
    (b"\x7fELF", "is a program, not a table of numbers"),
)
# UTF-32 first: its little-endian mark begins with UTF-16's.
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def refuse_what_is_no_text(name: str, start: bytes, encoding: str | None) -> None:
    """Raises `DataError` when `start` is how another kind of file begins, with what to do about it."""
    for signature, message in _SIGNATURES:
        if start.startswith(signature):
            raise DataError(f"{name} {message}")
    for mark, wide in _MARKS:
        if encoding is None and start.startswith(mark):
            raise DataError(
                f"{name} begins with a {wide.upper()} byte order mark; give --encoding {wide} or convert it to UTF-8"
            )
