"""What plans of every kind of recipe show: devices, who is placed where, and how their tables look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.table import Table

from rlhf.recipe.devices import Devices


class Placed(Protocol):
    """One actor's place: what `cluster.placement` computes."""

    @property
    def node(self) -> int: ...
    @property
    def role(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def cpus(self) -> float: ...
    @property
    def gpus(self) -> float: ...
    @property
    def rides(self) -> tuple[int, ...]:
        """Learner ranks whose GPUs an engine shares, where cluster.share_gpus is set."""
        ...


def describe_devices(devices: Devices) -> str:
    def count(number: int | None, noun: str) -> str:
        return f"{noun}s unknown before Ray is asked" if number is None else plural(number, noun)

    a_node = [count(devices.cpus_per_node, "core")]
    if devices.kind != "cpu":
        a_node.append(count(devices.gpus_per_node, "GPU"))
    return f"{count(devices.nodes, 'node')} of {', '.join(a_node)}"


def placement_table(placement: Sequence[Placed]) -> Table:
    """One row a node; equal nodes that follow each other share a row. On CPUs the roles share cores in time."""
    table = table_of("placement", "node", "actors", "cores", "GPUs")
    by_node: dict[int, list[Placed]] = defaultdict(list)
    for placed in placement:
        by_node[placed.node].append(placed)
    rows: list[tuple[list[int], _NodeShape, str]] = []
    for node in sorted(by_node):
        shape, actors = _node_row(by_node[node])
        if rows and rows[-1][1] == shape and rows[-1][0][-1] == node - 1:
            rows[-1][0].append(node)
        else:
            rows.append(([node], shape, actors))
    for nodes, shape, actors in rows:
        each = " and ".join(plural(count, role) for role, count in shape.counts) + " each"
        table.add_row(_ranges(nodes), each if len(nodes) > 1 else actors, shape.cores, shape.gpus)
    return table


@dataclass(frozen=True, slots=True)
class _NodeShape:
    """What is alike on nodes that share a row."""

    counts: tuple[tuple[str, int], ...]
    cores: str
    gpus: str


def _node_row(here: Sequence[Placed]) -> tuple[_NodeShape, str]:
    """One node's shape, and its actors by their indices."""
    roles: dict[str, list[Placed]] = defaultdict(list)
    for placed in here:
        roles[placed.role].append(placed)
    cores = ", ".join(f"{role} {sum(p.cpus for p in group):g}" for role, group in roles.items())
    gpus = f"{sum(p.gpus for p in here):g}"
    if any(p.rides for p in here):
        riders = " and ".join(dict.fromkeys(p.role for p in here if p.rides))
        gpus += f", shared by learner and {riders}"
    actors = []
    for role, group in roles.items():
        ranks = [rank for p in group for rank in p.rides]
        on = f" on the GPUs of learner {_ranges(ranks)}" if ranks else ""
        actors.append(f"{role} {_ranges([p.index for p in group])}{on}")
    counts = tuple((role, len(group)) for role, group in roles.items())
    return _NodeShape(counts, cores, gpus), ", ".join(actors)


_NUMBERS = ("GiB", "cores", "GPUs", "typical", "at most", "samples")


def table_of(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", show_header=any(columns))
    for i, column in enumerate(columns or ("", "")):
        table.add_column(
            column,
            justify="right" if column in _NUMBERS else "left",
            no_wrap=i == 0,
        )
    return table


def plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _ranges(numbers: Sequence[int]) -> str:
    """`0-3, 7`"""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)
