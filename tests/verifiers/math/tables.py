"""What equals what, by the kinds that the issue names: (gold, answer), the answer as it stands in its box.

Our own cases; the files of ../shared/data are measured by benchmarks/verifier_accuracy.py.
"""

from tests.verifiers.math import different, equal_forms, equal_values

EQUAL = {**equal_values.CASES, **equal_forms.CASES}
DIFFERENT = different.CASES


def pairs(table: dict[str, list[tuple[str, str]]]) -> list[tuple[str, str, str]]:
    return [(kind, gold, answer) for kind, rows in table.items() for gold, answer in rows]
