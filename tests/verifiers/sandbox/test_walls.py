"""Attacks through a real reasoning-gym scorer that evaluates the model's text: none may have an effect.

Every attack has a control: the same payload, evaluated without walls, does what it is meant to do.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from verifiers import Sample, Status
from verifiers.base import Verdict
from verifiers.pool import VerifierPool
from verifiers.sandbox.walls import ATTACKS, IsolationError, check_proof

BOARD = "_ Q _ _\n_ _ _ Q\nQ _ _ _\n_ _ Q _"
AS_LISTS = repr([row.split() for row in BOARD.split("\n")])
"""The solution as a Python expression: the scorer pays 0.5 for it, which shows that it was evaluated."""
NO_BOARD = "[['_']]"
ENTRY = {"question": "Place four queens.", "answer": BOARD, "metadata": {"valid_answers": [BOARD]}}


def queens(payload: str) -> Sample:
    return Sample("", payload, None, {"task": "n_queens", "entry": ENTRY})


def score(pool: VerifierPool, payload: str) -> Verdict:
    return pool.verify("foreign_scorer:scored", {}, [queens(payload)])[0]


def test_the_scorer_does_evaluate_text(pool: VerifierPool) -> None:
    verdict = score(pool, AS_LISTS)
    assert (verdict.status, verdict.score) == (Status.WRONG, 0.5)
    assert score(pool, f"{AS_LISTS} if 2 + 2 == 4 else {NO_BOARD}").score == 0.5
    assert score(pool, f"{AS_LISTS} if 2 + 2 == 5 else {NO_BOARD}").score == 0.0


def test_no_file_is_written(pool: VerifierPool, tmp_path: Path) -> None:
    controlled, attacked = tmp_path / "control", tmp_path / "attack"
    payload = "open({!r}, 'w') and {}"
    eval(payload.format(str(controlled), NO_BOARD))
    assert controlled.exists()
    tmp_path.chmod(0o777)
    assert score(pool, payload.format(str(attacked), AS_LISTS)).score == 0.0
    assert not attacked.exists()


def test_no_file_outside_the_python_installation_is_read(pool: VerifierPool) -> None:
    payload = f"{AS_LISTS} if open('/etc/passwd').read() else {NO_BOARD}"
    assert eval(payload) == eval(AS_LISTS)
    assert score(pool, payload).score == 0.0


@pytest.mark.parametrize("path", ["/proc/self/environ", "/proc/self/cmdline", "/dev/zero", "/"])
def test_nor_the_kernel_s_files_or_folders(pool: VerifierPool, path: str) -> None:
    look = f"__import__('os').listdir({path!r})" if path == "/" else f"open({path!r}, 'rb').read(1)"
    assert eval(look)
    assert score(pool, f"{AS_LISTS} if {look} else {NO_BOARD}").score == 0.0


def test_a_late_import_from_the_installation_still_works(pool: VerifierPool) -> None:
    assert score(pool, f"{AS_LISTS} if __import__('xml.dom.minidom') else {NO_BOARD}").score == 0.5


def test_no_network(pool: VerifierPool) -> None:
    payload = "__import__('socket').create_connection(('127.0.0.1', {})) and {}"
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        port = server.getsockname()[1]
        connection = eval(payload.format(port, "True")) and server.accept()[0]
        connection.close()
        assert score(pool, payload.format(port, AS_LISTS)).score == 0.0
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


OTHER_ATTACKS = {
    "fork": "__import__('os').fork() >= 0",
    "spawn": "__import__('os').system('true') == 0",
    "signal its parent": "__import__('os').kill(__import__('os').getppid(), 0) is None",
    "thread": "__import__('threading').Thread(target=int).start() is None",
    "raise its memory limit": "__import__('resource').setrlimit(9, (-1, -1)) is None",
    "truncate": "[__import__('os').truncate(f, __import__('os').stat(f).st_size) for f in [__import__('os').__file__]]",
    "ftruncate": "[__import__('ctypes').CDLL(None, use_errno=True).ftruncate(1, 0), "
    "__import__('ctypes').get_errno()][1] != 1",
    "open to truncate": "__import__('os').open('/dev/null', 0o1003) >= 0",
    "change attributes": "[__import__('fcntl').ioctl(f, 0x40086602, __import__('fcntl').ioctl(f, 0x80086601, bytes(8))) "
    "for f in [open(__import__('os').__file__)]]",
    "change permissions": "__import__('os').chmod(__import__('os').__file__, 0o644) is None",
    "own session": "__import__('os').setsid() > 0",
    "unix socket": "__import__('socket').socketpair()",
    "memfd": "__import__('os').memfd_create('x') >= 0",
    "another namespace": "__import__('ctypes').CDLL(None).unshare(0x10000000) == 0",
    "drop its death signal": "__import__('ctypes').CDLL(None).prctl(1, 0, 0, 0, 0) == 0",
    "the pool's pipes": "[__import__('os').write(fd, b'x') for fd in (200, 201)]",
}


@pytest.mark.parametrize("name", sorted(OTHER_ATTACKS))
def test_other_attacks_are_refused(pool: VerifierPool, name: str) -> None:
    assert score(pool, f"{AS_LISTS} if {OTHER_ATTACKS[name]} else {NO_BOARD}").score == 0.0


def test_nothing_carries_over_to_the_next_sample(pool: VerifierPool) -> None:
    patch = "setattr(__import__('reasoning_gym').games.n_queens.NQueensDataset, 'score_answer', lambda *a: 1.0)"
    score(pool, f"{patch} or {AS_LISTS}")
    score(pool, "__import__('builtins').__dict__.update(eval=lambda text: 1/0)")
    assert score(pool, NO_BOARD).score == 0.0
    assert score(pool, AS_LISTS).score == 0.5


ENDINGS = [
    ("__import__('os')._exit(0)", Status.WRONG, "ended the process that scored it"),
    ("exit()", Status.WRONG, "tried to end the process"),
    ("__import__('time').sleep(600)", Status.TIMEOUT, "no verdict within"),
    ("[__import__('os').closerange(0, 99), __import__('time').sleep(600)]", Status.WRONG, "ended the process"),
    ("9**9**9", Status.TIMEOUT, "no verdict within"),
    ("__import__('ctypes').string_at(0)", Status.ERROR, "Segmentation fault"),
]


@pytest.mark.parametrize(("payload", "status", "reason"), ENDINGS)
def test_however_it_ends_its_process_the_worker_stays(
    pool: VerifierPool, payload: str, status: Status, reason: str
) -> None:
    pool.prepare("foreign_scorer:scored", {})
    before = pool.worker_pids()
    verdict = score(pool, payload)
    assert verdict.status is status
    assert reason in verdict.reason
    assert pool.worker_pids() == before


def test_a_memory_bomb_stays_within_its_limit(pool: VerifierPool) -> None:
    assert score(pool, f"{AS_LISTS} if len(bytearray(1 << 34)) else {NO_BOARD}").score == 0.0


def test_a_custom_verifier_may_ask_for_the_walls(pool: VerifierPool) -> None:
    assert pool.verify("custom_rules:reads_passwd", {}, [Sample("", "")])[0].status is Status.WRONG


def test_the_parse_expr_of_countdown_runs_nothing_outside(pool: VerifierPool, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    tmp_path.chmod(0o777)
    entry = {"question": "", "answer": "1 + 2", "metadata": {"numbers": [1, 2], "target": 3}}
    payloads = [f"__import__('pathlib').Path('{mark}').touch()", "2 + 1", "1 + 1"]
    samples = [Sample("", p, None, {"task": "countdown", "entry": entry}) for p in payloads]
    verdicts = pool.verify("foreign_scorer:scored", {}, samples)
    assert [v.score for v in verdicts] == [0.01, 1.0, 0.05]
    assert not mark.exists()


HELD = dict.fromkeys(ATTACKS, "")
HOLES = [
    ({**HELD, "read": "read a file"}, "read \\(read a file\\)"),
    ({**HELD, "network": "connected"}, "network \\(connected\\)"),
    ({}, "network \\(not tried\\)"),
]


@pytest.mark.parametrize(("proof", "named"), HOLES)
def test_a_hole_is_named_with_what_to_write(proof: dict[str, str], named: str) -> None:
    with pytest.raises(IsolationError, match=named) as caught:
        check_proof(proof, {"landlock": "this kernel has no Landlock", "seccomp": ""})
    assert "landlock: this kernel has no Landlock" in str(caught.value)
    assert "verify.isolation: process_only" in str(caught.value)
    assert "seccomp:" not in str(caught.value)


def test_a_proof_without_holes_passes() -> None:
    check_proof(HELD, {"namespaces": "Operation not permitted"})


def test_the_test_process_itself_is_not_walled_in() -> None:
    assert os.access("/etc/passwd", os.R_OK)


OLD_KERNEL = """
import json, sys
from verifiers.sandbox import landlock, policies, walls
from verifiers.sandbox.forked import run_in_child
abi, filters, victim = sys.argv[1:]
landlock.abi = lambda: int(abi)
if filters == "none":
    policies.EVALUATOR = ()
elif filters == "by name":
    policies.EVALUATOR = tuple(rule for rule in policies.EVALUATOR if rule.argument is None)
applied = walls.isolate()
print(json.dumps(run_in_child(lambda: walls.prove(9, victim), applied, 30).result))
"""


def proof_on_an_old_kernel(abi: int, walls: str, victim: Path) -> dict[str, str]:
    """What `prove` finds where Landlock says that it is `abi`, behind a seccomp filter that holds `walls`."""
    victim.write_text("whole")
    done = subprocess.run(
        [sys.executable, "-c", OLD_KERNEL, str(abi), walls, str(victim)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("abi", [1, 2])
def test_where_landlock_does_not_govern_truncation_the_filter_does(abi: int, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    assert proof_on_an_old_kernel(abi, "all", victim) == HELD
    assert victim.read_text() == "whole"


@pytest.mark.parametrize("walls", ["none", "by name"])
def test_the_proof_finds_a_filter_that_lets_files_be_cut_short(walls: str, tmp_path: Path) -> None:
    """`by name`: truncate(2) alone refused, as if opening were not a way."""
    victim = tmp_path / "victim"
    proof = proof_on_an_old_kernel(1, walls, victim)
    assert victim.read_text() == ""
    with pytest.raises(IsolationError, match=r"truncate \(cut a file short\)"):
        check_proof(proof, {})
