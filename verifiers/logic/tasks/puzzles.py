"""Puzzles whose rules decide, whatever solution was found."""

from __future__ import annotations

from verifiers.logic.tasks.table import Task

_MATRIX = "rows of whole numbers"

TASKS = (
    Task(
        "boxnet",
        "a JSON list of objects, agent: move",
        "own",
        "games:BOXNET",
        "every box at a target by allowed moves, those of a step made at once; else the share of boxes",
    ),
    Task("futoshiki", "the puzzle filled in", "own", "boards:FUTOSHIKI", "the scorer paid the given numbers"),
    Task("graph_color", "a JSON map of vertices to colors", "own", "structures:COLORING", "any proper coloring"),
    Task("jugs", "a JSON list of moves", "own", "moves:JUGS", "any that reaches the target"),
    Task("kakurasu", "rows of 0 and 1", "own", "boards:KAKURASU"),
    Task(
        "knight_swap",
        "a JSON list of moves, or No",
        "own",
        "moves:KNIGHT_SWAP",
        "a solution longer than the shortest is paid its share; 1 puzzle in 5 is impossible",
    ),
    Task("mini_sudoku", _MATRIX, "own", "boards:SUDOKU", "the scorer paid the given numbers"),
    Task("n_queens", "rows of _ and Q", "own", "boards:QUEENS", "the scorer evaluated text"),
    Task("path_star", "numbers in a row", "gold", "text:PATH", "a guess is right 1 time in the star's arms"),
    Task(
        "quantum_lock",
        "letters with → between",
        "own",
        "moves:QUANTUM_LOCK",
        "reaches the target with no more presses than the answer; half for more",
    ),
    Task(
        "rubiks_cube",
        "moves such as R U' F",
        "own",
        "cube:RUBIKS_CUBE",
        "any that solve it; the scorer paid no moves half",
    ),
    Task("rush_hour", "moves such as A+1 B-2", "own", "games:RUSH_HOUR", "any allowed moves that free the red car"),
    Task(
        "shortest_path",
        "up, down, left, right, or infeasible",
        "own",
        "moves:SHORTEST_PATH",
        "any shortest path; half for a longer one",
    ),
    Task("sokoban", "letters L R U D", "own", "games:SOKOBAN", "any that put all boxes on goals"),
    Task("sudoku", _MATRIX, "own", "boards:SUDOKU", "the scorer paid the given numbers"),
    Task("survo", _MATRIX, "own", "boards:SURVO", "any filling that keeps the rules"),
    Task(
        "tower_of_hanoi",
        "Move disk X from Peg Y to Peg Z, a line each",
        "own",
        "moves:HANOI",
        "a solution longer than the shortest is paid its share",
    ),
    Task(
        "tsumego",
        "a place such as C4",
        "own",
        "games:CAPTURE",
        "any move that captures; on 22% of the boards none does, and such rows are bad ones",
    ),
)
