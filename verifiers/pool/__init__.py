"""Killable processes that run verifiers; see pool.py."""

from verifiers.pool.jobs import PoolClosedError
from verifiers.pool.pool import GoldReport, VerifierPool
from verifiers.pool.slot import VerifierLoadError, WorkerStartError
from verifiers.sandbox.walls import IsolationError

__all__ = ["GoldReport", "IsolationError", "PoolClosedError", "VerifierLoadError", "VerifierPool", "WorkerStartError"]
