"""What follows from what is said, and what is seen."""

from __future__ import annotations

from verifiers.logic.tasks.table import Task

_TRUTH = "True or False"
_HALF = "a guess is right 1 time in 2"

TASKS = (
    Task("acre", "on, off or undetermined", "gold", "text:LIGHT", "a guess is right 1 time in 3"),
    Task("circuit_logic", "0 or 1", "gold", "text:BIT", _HALF),
    Task(
        "color_cube_rotation", "a word", "gold", "text:WORD", "a guess is right 1 time in 6; the scorer paid any text"
    ),
    Task("course_schedule", _TRUTH, "gold", "text:SCHEDULE", _HALF),
    Task("family_relationships", "a word", "gold", "text:WORD", "few values"),
    Task(
        "game_of_life_halting",
        _TRUTH,
        "gold",
        "text:TRUE_OR_FALSE",
        f"{_HALF}; the scorer paid any text",
    ),
    Task("isomorphic_strings", _TRUTH, "gold", "text:TRUE_OR_FALSE", _HALF),
    Task(
        "knights_knaves",
        "A is a knight, and B is a knave",
        "own",
        "statements:KNIGHTS_KNAVES",
        "every role; of n people a guess is right 1 time in 2^n; the scorer paid half of them more than half",
    ),
    Task(
        "mahjong_puzzle",
        "Peng, Chi or Pass",
        "own",
        "corrected:MAHJONG",
        "worked out here: 18% of the answers are wrong; a guess is right 1 time in 3",
    ),
    Task("needle_haystack", "a name", "gold", "text:NAME"),
    Task(
        "propositional_logic",
        "a formula of ¬ ∧ ∨ → ↔",
        "own",
        "statements:CONCLUSION",
        "by truth table: follows, is no tautology, no premise and no premises joined by ∧. Little is asked: a premise "
        "∨ any letter is paid, since most of the generator's own answers are such; in 1 of 4 questions the premises "
        "contradict each other, and any formula follows",
    ),
    Task("ransom_note", _TRUTH, "gold", "text:TRUE_OR_FALSE", _HALF),
    Task(
        "syllogism",
        "Yes or No",
        "own",
        "corrected:SYLLOGISM",
        f"worked out here, where there is something of every kind: 18% of the answers are wrong; {_HALF}",
    ),
    Task("zebra_puzzles", "a name", "gold", "text:NAME", "of n people a guess is right 1 time in n"),
)
