"""Errors whose message is all that a user needs; anything else is a defect and keeps its traceback.

By name, so that a command need not import what raises them.
"""

from __future__ import annotations

EXPECTED = frozenset(
    {
        "RecipeError",
        "DataError",
        "BadRowError",
        "ModelError",
        "RunFolderError",
        "CheckpointError",
        "PlacementError",
        "RayUnreachableError",
        "PublicationError",
        "LearnerLostError",
        "NonFiniteError",
        "OffendingBatchError",
        "IsolationError",
        "VerifierLoadError",
        "WorkerStartError",
        "GoldError",
        "NothingToTrainOnError",
        "TrackerError",
        "ResultsError",
        "ReportError",
        "TextError",
        "ParityError",
    }
)


def is_expected(error: Exception) -> bool:
    return any(cls.__name__ in EXPECTED for cls in type(error).__mro__)
