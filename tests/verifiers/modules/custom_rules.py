"""Verifiers of an imaginary user, well and badly behaved; found by import path through the pool's `python_path`."""

import asyncio
import os
import signal
import time
from pathlib import Path

from verifiers import RowError, Sample, Verdict, verifier


@verifier(summary="the response is the reference")
def same_text(sample: Sample, ignore_case: bool = False) -> bool:
    left, right = sample.response, sample.reference or ""
    return left.lower() == right.lower() if ignore_case else left == right


@verifier(needs_reference=False)
async def slow_length(sample: Sample) -> float:
    await asyncio.sleep(0)
    return min(len(sample.response), 10) / 10


@verifier(needs_reference=False)
def returns(sample: Sample) -> object:
    """What the metadata says, as a Python object that JSON could not carry."""
    return {"none": None, "text": "yes", "above": 1.5, "nan": float("nan"), "complex": 1j}[sample.metadata["what"]]


@verifier(needs_reference=False)
def row_at_fault(sample: Sample) -> bool:
    raise RowError("reference: found nothing; write a number")


@verifier(needs_reference=False)
def raises(sample: Sample) -> Verdict:
    raise LookupError(f"no entry for {sample.response}")


@verifier(needs_reference=False)
def exits(sample: Sample) -> Verdict:
    raise SystemExit(3)


@verifier(needs_reference=False)
def hangs(sample: Sample) -> bool:
    """Hangs in C code on `hang`; says True otherwise."""
    if sample.response == "hang":
        time.sleep(3600)
    return True


@verifier(needs_reference=False)
def ends_process(sample: Sample) -> bool:
    os._exit(7)


@verifier(needs_reference=False)
def eats_memory(sample: Sample) -> bool:
    if sample.response == "eat":
        bytearray(1 << 40)
    return True


@verifier(needs_reference=False)
def once_held(sample: Sample) -> bool:
    """The first time: tell its process id through a named pipe and wait to be killed. The second time: True."""
    mark = Path(sample.metadata["mark"])
    if mark.exists():
        return True
    mark.touch()
    Path(sample.metadata["fifo"]).write_text(str(os.getpid()))
    signal.pause()
    return False


@verifier(needs_reference=False)
def prints(sample: Sample) -> bool:
    """Writes to both standard streams, more than a pipe holds."""
    print("\x00\x00\x00\x10{}" * 20_000, flush=True)
    os.write(1, b"\xff" * 100_000)
    os.write(2, b"\xfe" * 100_000)
    return True


@verifier(needs_reference=False)
def sees_environment(sample: Sample) -> bool:
    return sample.response in os.environ


@verifier(needs_reference=False, isolated=True)
def reads_passwd(sample: Sample) -> bool:
    """True if the walls are not there."""
    try:
        return bool(Path("/etc/passwd").read_bytes())
    except OSError:
        return False


def _gold_as_told(sample: Sample) -> object:
    """A gold response as the metadata says: none, not text, or an exception."""
    return {"none": None, "number": 7, "right": sample.reference}[sample.metadata["gold"]]


@verifier(gold_response=_gold_as_told)
def has_gold(sample: Sample) -> bool:
    return sample.response == sample.reference


def undecorated(sample: Sample) -> bool:
    return True


@verifier(needs_reference=False, batch=4)
async def together(samples: list[Sample], reverse: bool = False) -> list[Verdict | float]:
    """Says which of how many each was; waits, fails and miscounts on request."""
    await asyncio.sleep(0)
    for sample in samples:
        match sample.response:
            case "wait":
                Path(sample.metadata["fifo"]).read_text()
            case "hang":
                time.sleep(3600)
            case "fail":
                raise LookupError("one of them")
            case "end":
                os._exit(7)
    if any(sample.response == "miscount" for sample in samples):
        return [1.0] * (len(samples) + 1)
    return [Verdict.correct(s.response, f"{i} of {len(samples)}") for i, s in enumerate(samples, 1)]
