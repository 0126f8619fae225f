"""Which Ray a run joins: one that `ray start` noted and that answers, never one found among processes."""

import socket

import pytest

from cluster import runtime


@pytest.fixture
def note(tmp_path, monkeypatch):
    import ray

    path = tmp_path / "ray_current_cluster"
    monkeypatch.setattr(ray._private.utils, "get_ray_address_file", lambda folder: str(path))
    return path


def test_no_note_no_ray(note):
    assert runtime._running_here() is None


@pytest.mark.parametrize("text", ["", "nonsense", "127.0.0.1:", ":99", "host:port"])
def test_a_note_that_names_no_address_is_no_ray(note, text):
    note.write_text(text)
    assert runtime._running_here() is None


def test_a_note_of_a_ray_that_is_gone_is_no_ray_and_one_that_answers_is(note):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        note.write_text(address + "\n")
        assert runtime._running_here() == address
    assert runtime._running_here() is None
