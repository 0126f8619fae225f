"""Where ranks that meet listen."""

from __future__ import annotations

import os

import psutil
from learner_helpers import make_spec, run_ranks

from rlhf.learner.engine import join_group, leave_group


def listened(place, folder):
    before = _listening()
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"  # what LearnerGroup sets where all ranks are on one node
    join_group(make_spec(folder, **place()))
    try:
        return _listening() - before
    finally:
        leave_group()


def _listening():
    found = psutil.Process().net_connections(kind="tcp")
    return {c.laddr.ip.removeprefix("::ffff:") for c in found if c.status == psutil.CONN_LISTEN}


class Listened:
    def __init__(self, folder):
        self.folder = folder

    def __call__(self, place):
        return listened(place, self.folder)


def test_ranks_of_one_node_listen_on_loopback_alone(tmp_path):
    assert run_ranks(2, Listened(str(tmp_path)), tmp_path) == [{"127.0.0.1"}] * 2
