"""A child's log is bounded, and its last line explains an end."""

from pathlib import Path

from controlplane.processes.child_log import LOG_BYTES_MAX, bound_log, last_line, open_log


def test_a_log_that_has_outgrown_its_bound_begins_anew(tmp_path: Path) -> None:
    """What stood in it is kept once, and the child goes on writing into the same file."""
    path = tmp_path / "logs" / "child.log"
    with open_log(path) as child:
        child.write(b"x" * (LOG_BYTES_MAX + 1))
        child.flush()
        bound_log(path)
        child.write(b"after\n")

    assert path.read_bytes() == b"after\n"
    assert path.with_name("child.log.1").stat().st_size == LOG_BYTES_MAX + 1


def test_a_log_that_cannot_be_kept_begins_anew_all_the_same(tmp_path: Path) -> None:
    """Where the copy cannot be written, the bound holds and nothing is raised."""
    path = tmp_path / "child.log"
    path.write_bytes(b"x" * (LOG_BYTES_MAX + 1))
    path.with_name("child.log.1").mkdir()
    bound_log(path)

    assert path.stat().st_size == 0


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    """Below the bound nothing is moved."""
    path = tmp_path / "child.log"
    path.write_text("one\n")
    bound_log(path)

    assert path.read_text() == "one\n"


def test_the_frame_of_a_traceback_says_nothing(tmp_path: Path) -> None:
    """Of a process that fell over with several errors at once, the last error is quoted, not its frame."""
    path = tmp_path / "control.log"
    path.write_text("  +-+---- 1 ----\n    | OverflowError: too large\n    +---------\n")

    assert last_line(path) == "OverflowError: too large"


def test_the_last_line_is_the_last_that_says_something(tmp_path: Path) -> None:
    """Empty lines at the end are no words."""
    path = tmp_path / "child.log"
    path.write_text("one\ntwo\n\n")

    assert last_line(path) == "two"
    assert not last_line(tmp_path / "missing")
