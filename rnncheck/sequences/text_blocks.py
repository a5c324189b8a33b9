"""The text of a file, a block of whole lines at a time."""

import codecs
import io
from collections.abc import Iterator

from rnncheck.errors import DataError
from rnncheck.sequences.signatures import refuse_what_is_no_text
from rnncheck.sequences.source import DataFile

LONGEST_LINE = 16 << 20
_UTF8_MARK = b"\xef\xbb\xbf"


def text_blocks(file: DataFile, encoding: str | None) -> Iterator[str]:
    """Blocks of some 64 KiB that end where a line ends; every kind of line end becomes a newline.

    Raises `DataError` where the file is no text in this encoding (None: UTF-8), with the offset of the byte.
    """
    decoder = _Decoder(file, encoding or "utf-8")
    rest = ""
    for data in file.blocks():
        if decoder.offset == 0:
            refuse_what_is_no_text(file.name, data, encoding)
        rest += decoder.decode(data)
        end = rest.rfind("\n") + 1
        if end:
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > LONGEST_LINE:
            raise DataError(
                f"{file.name} has a line of more than {LONGEST_LINE:,} characters near byte {decoder.offset:,}; "
                f"one timestep is one line"
            )
    if decoder.offset == 0:
        raise DataError(f"{file.name} is empty (0 bytes)")
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


class _Decoder:
    """Decodes bytes as they come; `offset` is how many came."""

    def __init__(self, file: DataFile, encoding: str) -> None:
        self.offset = 0
        self._file = file
        self._encoding = codecs.lookup(encoding).name
        self._bytes = codecs.getincrementaldecoder(encoding)()
        self._text = io.IncrementalNewlineDecoder(self._bytes, translate=True)

    def decode(self, data: bytes, final: bool = False) -> str:
        if self.offset == 0 and self._encoding == "utf-8" and data.startswith(_UTF8_MARK):
            self.offset = len(_UTF8_MARK)
            data = data[self.offset :]
        unread: bytes = self._bytes.getstate()[0]  # the beginning of a character, from the block before
        start = self.offset - len(unread)
        self.offset += len(data)
        try:
            return self._text.decode(data, final)
        except UnicodeDecodeError as error:
            raise DataError(self._not_text(error.object, error.start, start + error.start)) from None
        except UnicodeError as error:
            raise DataError(f"{self._file.name} is not {self._encoding} text: {error}; give its --encoding") from None

    def _not_text(self, data: bytes, place: int, offset: int) -> str:
        byte = f"byte 0x{data[place]:02x} at {offset:,}"
        if b"\0" in data:
            return (
                f"{self._file.name} is not text ({byte}, and NUL bytes); give the --encoding if it is, such as utf-16"
            )
        return (
            f"{self._file.name}:{self._line_at(offset)}: not {self._encoding.upper()} text ({byte}); "
            f"if it is text in another encoding, name it, as in --encoding latin-1"
        )

    def _line_at(self, offset: int) -> int:
        line = 1
        for data in self._file.blocks():
            line += data.count(b"\n", 0, offset)
            offset -= len(data)
            if offset <= 0:
                break
        return line
