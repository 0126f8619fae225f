"""Solutions by moves: what they earn, and the move that ends them."""

import json

import pytest

from tests.verifiers.logic.entries import gold, judged, made, of
from verifiers.base import Status

HANOI = of("tower_of_hanoi", "", num_disks=2, num_pegs=3, start_peg=1, target_peg=3, solution_length=3)
BEST = "Move disk 1 from Peg 1 to Peg 2\nMove disk 2 from Peg 1 to Peg 3\nMove disk 1 from Peg 2 to Peg 3"
LONG = "Move disk 1 from Peg 1 to Peg 3\nMove disk 1 from Peg 3 to Peg 2" + BEST[31:]
JUGS = of("jugs", "", puzzle={"jug_capacities": [3, 5, 9], "target": 4})
FOUR = '["fill B", "pour B->A", "empty A", "pour B->A", "fill B", "pour B->A"]'
SWAP = of(
    "knight_swap",
    "",
    is_possible=True,
    board={"A1": ["B3"], "B3": ["A1", "C1"], "C1": ["B3"]},
    pieces={"A1": "w", "B3": "B", "C1": None},
    start_turn="B",
    solution=[["B", "B3", "C1"], ["w", "A1", "B3"], ["B", "C1", "A1"]],
)
NO_SWAP = of("knight_swap", "No", is_possible=False, board={}, pieces={}, start_turn="w", solution=None)
LOCK = of(
    "quantum_lock",
    "A → A",
    initial_value=0,
    initial_state="red",
    target_value=4,
    solution_path=["A", "A"],
    buttons=[
        {"name": "A", "type": "add", "value": 2, "active_state": "any"},
        {"name": "B", "type": "add", "value": 4, "active_state": "green"},
        {"name": "C", "type": "subtract", "value": 2, "active_state": "any"},
    ],
)
MAZE = of("shortest_path", "right down", matrix=[["*", "O", "O"], ["O", "#", "O"]], solution=["right", "down"])
CLOSED = of("shortest_path", "infeasible", matrix=[["*", "X", "#"]], solution=[])
SOKOBAN = of("sokoban", "R", gamestr="+ + + + +  \n+ * @ X +  \n+ - - - +  \n+ + + + +  \n\n")
RUSH = of("rush_hour", None, board_config="oooooooooBooAAoBoooooBoooooooooooooo")
WALLED = of("rush_hour", None, board_config="ooooooooooooAAoxoooooooooooooooooooo")
ATARI = of("tsumego", "C1", board=[["X", ".", "."], ["O", "X", "."], [".", ".", "."]])
BOXES = of("boxnet", None, initial_state={"0.5_0.5": ["box_red", "box_blue"], "0.5_1.5": ["target_red", "target_blue"]})
HERE, THERE = "Agent[0.5, 0.5]", "Agent[0.5, 1.5]"
PLAN = (
    f'[{{"{HERE}": "move(box_red, square[0.5, 1.5])"}}, {{"{THERE}": "move(box_red, target_red)", '
    f'"{HERE}": "move(box_blue, square[0.5, 1.5])"}}, {{"{THERE}": "move(box_blue, target_blue)"}}]'
)

RIGHT = [
    (HANOI, [BEST, BEST.replace("\n", "\n\n"), "```\n" + BEST + "\n```", "1. " + BEST.replace("\n", "\n2. "), BEST + ".", BEST.replace("\n", ", "), BEST.replace("\n", "; "), str(BEST.split("\n"))]),
    (JUGS, [FOUR, ", ".join(json.loads(FOUR)), "\n".join(json.loads(FOUR)), FOUR.replace("->", "→"), FOUR.replace('"', "'"), FOUR[:-1] + ', "empty B"]']),
    (NO_SWAP, ["No", "no", '"No"', "\\text{No}", "No."]),
    (LOCK, ["A → A", "A -> A", "A A", "a, a", "A \\rightarrow A", "B → B"]),
    (MAZE, ["right down", "down right", "right, down", "RIGHT DOWN", "right → down"]),
    (CLOSED, ["infeasible", "Infeasible.", '"infeasible"']),
    (SOKOBAN, ["R", "r", "LR", "DUR", "R R", "\\text{R}"]),
    (RUSH, ["B+2 A+4", "B+2, A+2, A+2", "B+1 B+1 A+4", "B+2 A-0 A+4"]),
    (ATARI, ["A1", "a1", '"A1"', "A1."]),
    (BOXES, [PLAN]),
]  # fmt: skip


@pytest.mark.parametrize(("metadata", "answers"), RIGHT, ids=[f"{m['task']}{i}" for i, (m, _) in enumerate(RIGHT)])
def test_every_solution_is_right(metadata: dict, answers: list[str]) -> None:
    for answer in answers:
        verdict = judged(answer, metadata)
        assert verdict.status is Status.CORRECT, (answer, verdict.reason)


PAID_IN_PART = [
    (HANOI, LONG, 3 / 4),
    (LOCK, "A → A → A → C", 0.5),
    (MAZE, "down up right down", 0.5),
    (BOXES, f'[{{"{HERE}": "move(box_red, square[0.5, 1.5])"}}, {{"{THERE}": "move(box_red, target_red)"}}]', 0.5),
]


@pytest.mark.parametrize(("metadata", "answer", "score"), PAID_IN_PART, ids=[m["task"] for m, _, _ in PAID_IN_PART])
def test_longer_than_it_must_be_is_wrong_and_paid_a_part(metadata: dict, answer: str, score: float) -> None:
    verdict = judged(answer, metadata)
    assert verdict.status is Status.WRONG
    assert verdict.score == pytest.approx(score)


WRONG = [
    (HANOI, ["Move disk 2 from Peg 1 to Peg 3", "Move disk 1 from Peg 1 to Peg 4", "Move disk 1 from Peg 2 to Peg 3",
             "Move disk 1 from Peg 1 to Peg 3\nMove disk 2 from Peg 1 to Peg 3", "Move disk 1 from Peg 1 to Peg 2"]),
    (JUGS, ['["fill A"]', "fill A", '["fill D"]', "[]", '["pour A->A"]', '["empty A"]']),
    (SWAP, ["No", '["w,A1,B3"]', '["B,B3,C1"]', '["B,B3,A1"]', "[]", '["B,B3,D2"]', '["B,C1,B3"]']),
    (NO_SWAP, ['["w,A1,B3"]', "[]"]),
    (LOCK, ["A", "C → C", "A → C", "B"]),
    (MAZE, ["left", "down", "right right right", "infeasible", "up"]),
    (CLOSED, ["right right", "right"]),
    (SOKOBAN, ["L", "DR", "D"]),
    (RUSH, ["A+1", "A+4", "B-1 A+4", "C+1", "B-5", "A+0"]),
    (WALLED, ["A+4", "A+1 A+3"]),
    (ATARI, ["B3", "C1", "Z9", "A3"]),
    (BOXES, [PLAN.replace("target_red", "target_blue"), f'[{{"{HERE}": "move(box_red, square[1.5, 1.5])"}}]',
             f'[{{"{THERE}": "move(box_red, target_red)"}}]', f'[{{"{HERE}": "move(box_green, square[0.5, 1.5])"}}]',
             f'[{{"{HERE}": "move(box_red, square[0.5, 1.5])", "{THERE}": "move(box_red, target_red)"}}]', "[{}]"]),
]  # fmt: skip


@pytest.mark.parametrize(("metadata", "answers"), WRONG, ids=[f"{m['task']}{i}" for i, (m, _) in enumerate(WRONG)])
def test_what_is_not_allowed_or_does_not_arrive_is_paid_nothing(metadata: dict, answers: list[str]) -> None:
    for answer in answers:
        verdict = judged(answer, metadata)
        assert (verdict.status, verdict.score) == (Status.WRONG, 0.0), (answer, verdict)
        assert verdict.reason


UNPARSED = [
    (HANOI, ["", "Move disk 1", "Move disk 1 to Peg 3", "1: 1->3", BEST + " and done", "Move disk -1 from Peg 1 to Peg 2"]),
    (JUGS, ["", "fill A and B", "drink A, fill B", '[1, 2]', '["drink A"]', '["fill a"]', '["pour A"]', '["fill A; empty B"]', '{"a": "fill A"}']),
    (SWAP, ["Yes", '["A1,B3"]', '["x,A1,B3"]', "w,A1,B3", '["w,A1"]', "nope"]),
    (LOCK, ["D", "AA", "A + A", "", "press A", "[A], [A]"]),
    (MAZE, ["north", "r d", "", "right then down", "1 2"]),
    (SOKOBAN, ["", "RX", "right", "R!", "()"]),
    (RUSH, ["A4", "A+", "AA+4", "+4", "", "A+1.5", "move A+4"]),
    (ATARI, ["1A", "A", "1", "A1 B2", "", "(0, 0)"]),
    (BOXES, ["{}", "[]", "[1]", '[{"A": "b"}]', f'[{{"{HERE}": "move(box_red)"}}]', f'[{{"{HERE}": 1}}]',
             f'[{{"{HERE}": "move(box_red, target_red)", "{HERE}": "move(box_blue, target_blue)"}}]']),
]  # fmt: skip


@pytest.mark.parametrize(("metadata", "answers"), UNPARSED, ids=[m["task"] for m, _ in UNPARSED])
def test_other_shapes_are_unparsed(metadata: dict, answers: list[str]) -> None:
    for answer in answers:
        assert judged(answer, metadata).status is Status.UNPARSED, answer


def test_a_box_is_not_pushed_onto_another() -> None:
    row = of("sokoban", "", gamestr="+ + + + + +\n+ * @ $ - +\n+ + + + + +")
    assert judged("R", row).status is Status.WRONG


def test_knights_take_turns_and_a_longer_swap_is_paid_its_share() -> None:
    found = next(m for m in made("knight_swap", 12) if m["entry"]["metadata"]["is_possible"])
    answer = found["entry"]["answer"]
    assert judged(answer, found).status is Status.CORRECT
    entry = {**found["entry"], "metadata": {**found["entry"]["metadata"]}}
    entry["metadata"]["solution"] = entry["metadata"]["solution"][:-1]  # as if it could be done in a move less
    longer = judged(answer, {**found, "entry": entry})
    moves = len(entry["metadata"]["solution"])
    assert (longer.status, longer.score) == (Status.WRONG, pytest.approx(moves / (moves + 1)))
    entry["metadata"]["start_turn"] = "w" if found["entry"]["metadata"]["start_turn"] == "B" else "B"
    assert "not allowed" in judged(answer, {**found, "entry": entry}).reason


def test_a_rush_hour_of_the_generator_is_solved_by_search() -> None:
    """No solution comes with the puzzle: one is found here, by breadth, and must be right; without its last move not."""
    from collections import deque

    metadata = next(m for m in made("rush_hour", 60, 5) if m["entry"]["metadata"]["min_moves"] <= 9)
    board = metadata["entry"]["metadata"]["board_config"]
    letters = sorted(set(board) - {"o", "x"})

    def moves(cells: str):
        for i, letter in enumerate(letters):
            places = [p for p, c in enumerate(cells) if c == letter]
            step = places[1] - places[0]
            for sign, head in ((1, places[-1]), (-1, places[0])):
                target = head + sign * step
                same_line = target // 6 == head // 6 if step == 1 else 0 <= target < 36
                if 0 <= target < 36 and same_line and cells[target] == "o":
                    new = list(cells)
                    new[places[0] if sign > 0 else places[-1]] = "o"
                    new[target] = letter
                    yield f"{chr(65 + i)}{'+' if sign > 0 else '-'}1", "".join(new)

    waiting, seen = deque([(board, "")]), {board}
    while True:
        cells, path = waiting.popleft()
        if cells[17] == letters[0]:
            break
        for move, after in moves(cells):
            if after not in seen:
                seen.add(after)
                waiting.append((after, f"{path} {move}"))
    assert judged(path.strip(), metadata).status is Status.CORRECT
    assert judged(" ".join(path.split()[:-1]), metadata).status is Status.WRONG


def test_a_board_without_a_capture_has_no_answer() -> None:
    from verifiers.logic.verifier import fault

    bare = of("tsumego", "A1", board=[[".", "."], [".", "O"]])
    assert "captures" in (fault(bare) or "")
    assert fault(ATARI) is None
    assert gold(ATARI) == "A1"
