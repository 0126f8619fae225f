"""Texts, lists and matrices to be worked on."""

from __future__ import annotations

from verifiers.logic.tasks.table import Task

_MATRIX = "rows of whole numbers"
_DIGITS = "rows of digits"
_NUMBERS = "whole numbers in a row"
_WORDS = "words with commas"

TASKS = (
    Task("ab", "tokens A# B# #A #B, or nothing", "gold", "text:TOKENS"),
    Task("arc_1d", _DIGITS, "gold", "boards:DIGITS"),
    Task("arc_agi", _DIGITS, "gold", "boards:DIGITS", "the scorer paid any grid"),
    Task("rearc", _DIGITS, "gold", "boards:DIGITS", "the scorer paid any grid"),
    Task("binary_matrix", _MATRIX, "gold", "boards:MATRIX", "the scorer evaluated text"),
    Task("manipulate_matrix", _MATRIX, "gold", "boards:MATRIX"),
    Task("rotate_matrix", _MATRIX, "gold", "boards:MATRIX"),
    Task("game_of_life", "a JSON list of rows", "gold", "boards:LIFE", "the scorer paid an empty board most of it"),
    Task(
        "modulo_grid",
        "rows of ✅ and ❌",
        "gold",
        "boards:MARKS",
        "the puzzle with its holes filled by guess is often right",
    ),
    Task("bf", "a word or a number", "gold", "text:OUTPUT"),
    Task("caesar_cipher", "a text", "gold", "text:WORDS", "letter case does not count"),
    Task(
        "codeio",
        "a JSON value",
        "gold",
        "structures:JSON_VALUE",
        "of a question for an input only the generator's is right; task_config: {input_prediction_probability: 1.0} "
        "asks for outputs alone",
    ),
    Task("emoji_mystery", "a text", "gold", "text:SENTENCE"),
    Task(
        "figlet_font", "a word", "gold", "text:DRAWN_WORD", "letter case does not count; the scorer paid single letters"
    ),
    Task("group_anagrams", "a JSON list of lists of words", "gold", "text:GROUPS", "in any order"),
    Task("letter_jumble", "a text", "gold", "text:WORDS", "letter case does not count; the scorer paid single words"),
    Task("list_functions", "a list of whole numbers", "gold", "text:INTEGERS"),
    Task("number_filtering", "a list of decimals", "gold", "text:DECIMALS", "by value, in order"),
    Task("number_sorting", "a list of decimals", "gold", "text:DECIMALS", "by value, in order; the scorer allowed 1"),
    Task("palindrome_generation", "a word", "own", "text:PALINDROME", "any palindrome of the letters"),
    Task(
        "palindrome_partitioning",
        "a JSON list of lists of texts",
        "gold",
        "text:PARTITIONS",
        "all of them, in any order",
    ),
    Task(
        "sentence_reordering",
        "a text",
        "gold",
        "text:SENTENCE",
        "the original order alone; the scorer paid single words",
    ),
    Task(
        "spell_backward", "a word", "gold", "text:SPELLED", "letter case does not count; the scorer paid single letters"
    ),
    Task("spiral_matrix", _NUMBERS, "gold", "text:INTEGERS", "the scorer evaluated text"),
    Task("string_insertion", "letters A to E", "gold", "text:FIVE_LETTERS", "the scorer evaluated text"),
    Task("string_manipulation", "letters a to z, or nothing", "gold", "text:REWRITTEN"),
    Task("string_splitting", _NUMBERS, "gold", "text:INTEGERS"),
    Task("string_synthesis", _NUMBERS, "gold", "text:INTEGERS"),
    Task(
        "word_ladder",
        _WORDS,
        "own",
        "structures:LADDER",
        "any ladder of words of the list; the scorer paid other words",
    ),
    Task("word_sequence_reversal", _WORDS, "gold", "text:LISTED_WORDS"),
    Task("word_sorting", _WORDS, "gold", "text:LISTED_WORDS", "the scorer paid single words"),
)
