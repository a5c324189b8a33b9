"""Files are written whole or not at all."""

import errno
import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from rnncheck.errors import ExitCode, OutputError
from rnncheck.files import check_writable, write_atomically

posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and permissions of POSIX")
no_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("data", "stored"), [("π\n", b"\xcf\x80\n"), (b"\x00\r\n", b"\x00\r\n"), ("", b"")])
def test_data_is_written_byte_for_byte(tmp_path: Path, data: bytes | str, stored: bytes) -> None:
    write_atomically(tmp_path / "report", data)
    assert (tmp_path / "report").read_bytes() == stored
    assert names(tmp_path) == ["report"]


def test_a_longer_file_is_replaced_to_its_end(tmp_path: Path) -> None:
    target = tmp_path / "report"
    target.write_text("a much longer report")
    write_atomically(str(target), "short")
    assert target.read_text() == "short"


def test_text_that_is_no_unicode_does_not_lose_the_report(tmp_path: Path) -> None:
    write_atomically(tmp_path / "report", "file \udcff")
    assert (tmp_path / "report").read_bytes() == b"file \\udcff"


def test_a_name_as_long_as_the_file_system_allows_is_written(tmp_path: Path) -> None:
    write_atomically(tmp_path / ("n" * 255), "x")
    assert names(tmp_path) == ["n" * 255]


@posix
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_an_existing_file_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    target = tmp_path / "report"
    target.write_text("old")
    target.chmod(mode)
    write_atomically(target, "new")
    assert stat.S_IMODE(target.stat().st_mode) == mode


@posix
def test_a_new_file_gets_the_permissions_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "report", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "report").stat().st_mode) == 0o640


@posix
@pytest.mark.parametrize("existing", [True, False])
def test_a_link_stays_a_link_and_its_target_is_written(tmp_path: Path, existing: bool) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "report", tmp_path / "link"
    if existing:
        target.write_text("old")
    link.symlink_to("folder/report")
    check_writable(link)
    write_atomically(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert not target.is_symlink()


@posix
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    import resource

    target = tmp_path / "report"
    target.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OutputError, match=os.strerror(errno.EFBIG)):
            write_atomically(target, b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert target.read_text() == "old"
    assert names(tmp_path) == ["report"]


@pytest.mark.parametrize("existing", [True, False])
def test_an_interrupt_passes_through_and_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    target = tmp_path / "report"
    if existing:
        target.write_text("old")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(target, "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == ([("report", "old")] if existing else [])


def test_data_reaches_the_disk_before_the_old_file_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report"
    target.write_text("old")
    seen: list[tuple[str, int]] = []
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append((target.read_text(), os.fstat(handle).st_size)))
    write_atomically(target, "newer")
    assert seen == [("old", 5)]


@posix
def test_a_device_is_written_to_and_stays_a_device(tmp_path: Path) -> None:
    check_writable("/dev/null")
    write_atomically("/dev/null", "gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@posix
def test_a_pipe_hands_the_data_to_its_reader_and_asking_first_does_not_disturb_it(tmp_path: Path) -> None:
    pipe, received = tmp_path / "pipe", []
    os.mkfifo(pipe)
    check_writable(pipe)
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_atomically(pipe, b"x" * 200_000)
    reader.join(10)
    assert received == [b"x" * 200_000]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/dev/fd opens the file anew on Linux")
def test_a_redirected_stdout_is_appended_to_and_not_replaced(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        log.write(b"before ")
        log.flush()
        write_atomically(f"/dev/fd/{log.fileno()}", b"report")
        assert os.fstat(log.fileno()).st_size == len(b"before report")
    assert (tmp_path / "log").read_bytes() == b"before report"


def test_asking_first_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    check_writable(tmp_path / "old")
    check_writable(tmp_path / "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("old", "old")]


def test_the_folder_of_a_bare_name_is_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_writable("report")
    write_atomically("report", "new")
    assert (tmp_path / "report").read_text() == "new"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("nowhere/report", "its folder, .*nowhere, does not exist; create it first"),
        ("file/report", "its folder, .*file, is not a folder; give another path"),
        ("", "it is a directory; add the name of a file"),
        ("n" * 256, "File name too long"),
        ("nul\0byte", "embedded null"),
        pytest.param("loop", "symbolic links", marks=posix),
        pytest.param("to-nowhere", "its folder, .*gone, does not exist", marks=posix),
        pytest.param("esc\x1b[31m/x", r"cannot write .*esc\\x1b\[31m/x", marks=posix),
        pytest.param("locked/report", "Permission denied", marks=[posix, no_root]),
        pytest.param("read-only", "write-protected", marks=[posix, no_root]),
    ],
)
def test_what_cannot_be_written_is_refused_alike_before_and_during_the_work(
    tmp_path: Path, place: str, reason: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "locked").mkdir(mode=0o500)
    (tmp_path / "read-only").touch(mode=0o400)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "to-nowhere").symlink_to("gone/report")
    before = names(tmp_path)
    path = os.path.join(tmp_path, place)  # noqa: PTH118 (Path would drop the empty name)
    with pytest.raises(OutputError, match=reason) as asked:
        check_writable(path)
    with pytest.raises(OutputError, match=reason) as written:
        write_atomically(path, "new")
    assert str(asked.value) == str(written.value)
    assert "another path" in str(asked.value)
    assert asked.value.exit_code is ExitCode.CANNOT_RUN
    assert names(tmp_path) == before


def test_an_empty_path_is_refused() -> None:
    with pytest.raises(OutputError, match="cannot write ''"):
        check_writable("")
