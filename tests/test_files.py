"""replacing(): the whole new content or the old one, and nothing left behind."""

import os
import stat

import pytest

from stagenorm import DataFileError
from stagenorm.files import replacing


def test_the_new_content_is_there_when_the_block_ends_and_not_before(tmp_path):
    path = tmp_path / "data"
    path.write_text("old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def _stop_halfway(path, stop):
    with replacing(path) as file:
        file.write(b"half")
        raise stop


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt, SystemExit])
def test_whatever_stops_the_block_leaves_the_old_content_and_nothing_else(tmp_path, stop):
    path = tmp_path / "data"
    path.write_text("old")
    with pytest.raises(stop):
        _stop_halfway(path, stop)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "data"
    path.write_text("old")
    path.chmod(0o640)
    with replacing(path) as file:
        file.write(b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_gets_the_usual_permissions(tmp_path):
    with replacing(tmp_path / "data"):
        pass
    (tmp_path / "usual").touch()
    assert (tmp_path / "data").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_symbolic_link_is_followed(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with replacing(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_regular_file_is_never_replaced(tmp_path, make):
    path = tmp_path / "data"
    make(path)
    with pytest.raises(DataFileError, match="data is not a regular file"), replacing(path):
        pass
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_where_nothing_can_be_written_is_named(tmp_path):
    unwritable = replacing(tmp_path / "absent" / "data")
    with pytest.raises(DataFileError, match=r"absent/data cannot be written: No such file"), unwritable:
        pass
