"""Conclusions, roles, syllogisms, colorings, JSON values, ladders, words."""

import json

import pytest

from tests.verifiers.logic.entries import gold, judged, of
from verifiers.base import Status
from verifiers.logic.verifier import fault

PREMISES = of(
    "propositional_logic", None, premises=["P", "(P → Q)"], variables=["P", "Q", "R"], example_answer="(P ∨ Q)"
)
TERMS = {"knight": "sage", "knave": "fool"}
ISLAND = of("knights_knaves", "", names=["Zoey", "Riley"], solution=[False, True], knight_knave_terms=TERMS)
GRAPH = of(
    "graph_color",
    None,
    puzzle={"vertices": [0, 1, 2], "edges": [[0, 1], [1, 2]], "color_options": [1, 2]},
    possible_answer={"0": 1, "1": 2, "2": 1},
)
JSON = of("codeio", '{"a": [1, 2.5, null], "b": "x{"}')
LADDER = of("word_ladder", "COLD,CORD,WORD", start_word="COLD", end_word="WORD")
ANAGRAMS = of("group_anagrams", '[["eat", "tea"], ["tan", "nat"]]')
PARTITIONS = of("palindrome_partitioning", '[["a", "a"], ["aa"]]')
PALINDROME = of("palindrome_generation", "ahha", letters=["h", "a", "h", "a"])
SENTENCE = of("sentence_reordering", '"I wish I could get some sleep.')

RIGHT = [
    (PREMISES, ["Q", "P ∧ Q", "Q ∨ R", "¬¬Q", "P ↔ Q", "\\neg R \\lor Q", "P and Q", "P ∨ R", "P ∧ Q ∧ (P → Q)", "Q.", "**Q**", "```\nQ\n```", '"Q"', "**`Q`.**"]),
    (ISLAND, ["Zoey is a fool, and Riley is a sage.", "Riley is a sage and Zoey is a fool", "Zoey: fool\nRiley: sage", "Zoey = fool, Riley = sage",
              "\\text{Zoey is a fool, and Riley is a sage.}", "Zoey is a Fool. Riley is a Sage.", "- Zoey is a fool\n- Riley is a sage", "1. Zoey is a fool\n2. Riley is a sage."]),
    (GRAPH, ['{"0": 1, "1": 2, "2": 1}', '{"0": 2, "1": 1, "2": 2}', "{0: 1, 1: 2, 2: 1}", '\\{"0": 1, "1": 2, "2": 1\\}']),
    (JSON, ['{"a": [1, 2.5, null], "b": "x{"}', "{'b': 'x{', 'a': [1.0, 2.50, None]}", '{"a": [1, 2.5, null], "b": "x\\u007b"}']),
    (LADDER, ["COLD,CORD,WORD", "cold, cord, word", "COLD → CORD → WORD", "COLD CORD WORD", "['COLD', 'CORD', 'WORD']"]),
    (ANAGRAMS, ['[["nat", "tan"], ["tea", "eat"]]', "[['eat','tea'],['tan','nat']]"]),
    (PARTITIONS, ['[["aa"], ["a", "a"]]', '[["a","a"],["aa"]]']),
    (PALINDROME, ["ahha", "haah", "AHHA", '"haah"']),
    (SENTENCE, ['"I wish I could get some sleep.', '"I  wish I could\nget some sleep.']),
    (of("mahjong_puzzle", "Pass", rounds=[{"cards": "AAB", "add": "B"}, {"cards": "", "add": "A"}]), ["Peng", "peng."]),
    (of("mahjong_puzzle", "Pass", rounds=[{"cards": "ADE", "add": "B"}, {"cards": "", "add": "C"}]), ["Chi"]),
    (of("mahjong_puzzle", "Chi", rounds=[{"cards": "ACE", "add": "B"}, {"cards": "", "add": "Z"}]), ["Pass"]),
    (of("mahjong_puzzle", "Chi", rounds=[{"cards": "AXY", "add": "B"}, {"cards": "", "add": "A"}]), ["Pass"]),
    (of("mahjong_puzzle", "Pass", "initial cards ABX, what", rounds=[{"cards": "", "add": "C"}]), ["Chi"]),
    (of("syllogism", "No", premise1="All a are b", premise2="All b are c", conclusion="Some c are a"), ["Yes"]),
    (of("syllogism", "Yes", premise1="All a are b", premise2="Some b are not c", conclusion="Some a are not c"), ["No"]),
    (of("syllogism", "No", premise1="No a are b", premise2="All c are a", conclusion="No c are b"), ["Yes"]),
    (of("syllogism", "Yes", premise1="All a are b", premise2="All a are c", conclusion="All b are c"), ["No"]),
    (of("game_of_life_halting", "False"), ["False", "false", "\\text{False}", '"False".']),
    (of("acre", "on"), ["on", "ON", '"on"', "**on**", "**on**.", "```\non\n```", "__on__"]),
    (of("circuit_logic", "1"), ["1", "True", "true."]),
    (of("course_schedule", "False"), ["False", "No", "**no**"]),
    (of("family_relationships", "mother-in-law"), ["mother-in-law", "Mother-in-law."]),
    (of("needle_haystack", "C-Jay"), ["C-Jay", "c-jay"]),
    (of("caesar_cipher", "TIME WENT ON"), ["TIME WENT ON", "time went on", "TIME  WENT\nON"]),
    (of("figlet_font", "STENTOR"), ["STENTOR", "stentor", "S T E N T O R"]),
    (of("ab", "#A B#"), ["#A B#", "\\#A B\\#", "[#A, B#]", "#A, B#"]),
    (of("ab", ""), [""]),
    (of("string_manipulation", ""), ["", "''"]),
    (of("list_functions", "[4]"), ["[4]", "4"]),
    (of("number_filtering", "[]"), ["[]", "()"]),
    (of("number_filtering", "['-51.0', '47.29']"), ["['-51.0', '47.29']", "[-51, 47.290]", "-51, 47.29", '["-51.0", "47.29"]']),
    (of("word_sorting", "253d, DIRECT, given"), ["253d, DIRECT, given", "['253d', 'DIRECT', 'given']", "253d DIRECT given"]),
    (of("path_star", "12 34 56"), ["12 34 56", "12, 34, 56", "12 → 34 → 56", "[12, 34, 56]"]),
    (of("spiral_matrix", "1 2 3"), ["1 2 3", "[1, 2, 3]", "1,2,3"]),
]  # fmt: skip


@pytest.mark.parametrize(("metadata", "answers"), RIGHT, ids=[f"{m['task']}{i}" for i, (m, _) in enumerate(RIGHT)])
def test_right(metadata: dict, answers: list[str]) -> None:
    for answer in answers:
        verdict = judged(answer, metadata)
        assert verdict.status is Status.CORRECT, (answer, verdict.reason)


WRONG = [
    (PREMISES, [("P", "premise"), ("P → Q", "premise"), ("R", "follow"), ("P ∨ ¬P", "true whatever"), ("¬P", "follow"), ("((P))", "premise"),
                ("¬P ∨ Q", "premise"), ("P ∧ P", "premise"), ("P ∧ (P → Q)", "said again"), ("(P ∧ P) ∧ ¬¬(P → Q)", "said again"), ("P ∨ P", "premise"),
                ("¬Q → ¬P", "premise"), ("(P → Q) ∧ ((P))", "said again")]),
    (ISLAND, [("Zoey is a sage, and Riley is a sage.", "role"), ("Zoey is a fool, and Riley is a fool.", "role")]),
    (GRAPH, [('{"0": 1, "1": 1, "2": 2}', "edge"), ('{"0": 1, "1": 3, "2": 1}', "not given"), ('{"0": 1, "1": 2}', "every vertex"),
             ('{"0": 1, "1": 2, "2": 1, "3": 1}', "every vertex")]),
    (JSON, [('{"a": [1, 2.5, 0], "b": "x{"}', "another"), ('{"a": [1, 2.5, null]}', "another"), ("[]", "another"), ('{"a": [true, 2.5, null], "b": "x{"}', "another"),
            ('{"a": [1, 2.5, false], "b": "x{"}', "another"), ('{"a": [1, 2.5], "b": "x{"}', "another")]),
    (LADDER, [("COLD,WORD", "not one letter"), ("COLD,CXRD,WORD", "not one letter"), ("CORD,WORD", "first or last"), ("COLD,CORD", "first or last"),
              ("COLD,XOLD,WOLD,WORD", "not a word of the list: XOLD"), ("WORD", "first or last"), ("COLD,COLD,CORD,WORD", "not one letter")]),
    (ANAGRAMS, [('[["eat", "tan"], ["tea", "nat"]]', "another"), ('[["eat", "tea", "tan", "nat"]]', "another"), ('[["eat", "tea"]]', "another")]),
    (PARTITIONS, [('[["aa"]]', "another"), ('[["a", "a"], ["aa"], ["a"]]', "another")]),
    (PALINDROME, [("haha", "not a palindrome"), ("aha", "other letters"), ("aahhaa", "other letters")]),
    (SENTENCE, [("I wish I could get some sleep.", "another"), ('"I could get some sleep wish I.', "another")]),
    (of("mahjong_puzzle", "Chi", rounds=[{"cards": "AAB", "add": "B"}, {"cards": "", "add": "A"}]), [("Chi", "another"), ("Pass", "another")]),
    (of("game_of_life_halting", "False"), [("True", "another")]),
    (of("acre", "on"), [("off", "another"), ("undetermined", "another")]),
    (of("number_sorting", "['1.0', '2.0']"), [("['1.0', '2.5']", "another"), ("['2.0', '1.0']", "another"), ("['1.0']", "another")]),
    (of("string_insertion", "ABCDA"), [("ABCD", "another")]),
    (of("spell_backward", "nus"), [("sun", "another")]),
]  # fmt: skip


@pytest.mark.parametrize(("metadata", "answers"), WRONG, ids=[f"{m['task']}{i}" for i, (m, _) in enumerate(WRONG)])
def test_wrong_says_why(metadata: dict, answers: list[tuple[str, str]]) -> None:
    for answer, why in answers:
        verdict = judged(answer, metadata)
        assert (verdict.status, verdict.score) == (Status.WRONG, 0.0), answer
        assert why in verdict.reason, (answer, verdict.reason)


UNPARSED = [
    (PREMISES, ["P and so Q", "Therefore Q", "Q..", "S", "P → Q → R", "", "1"]),
    (ISLAND, ["Zoey is a fool", "Zoey is a fool, Zoey is a sage, Riley is a sage", "Zoey is a king, Riley is a sage", "Zoey is not a sage and Riley is a sage",
              "Both are fools", "Zoey is a fool, Riley is a sage, Emma is a sage"]),
    (GRAPH, ["[1, 2, 1]", '{"0": "red"}', '{"0": 1.0, "1": 2, "2": 1}', '{"0": true}', "0: 1, 1: 2", '{"0": 1, "0": 2}']),
    (JSON, ["a: 1", "{a: 1}", '{"a": nan}', "dict(a=1)", ""]),
    (LADDER, ["COLD,CORDS,WORD", "COLD;CORD;WORD", "", "COLD, C0RD, WORD"]),
    (ANAGRAMS, ["eat tea", '["eat", "tea"]', "[]", "[[1, 2]]", '{"a": ["b"]}']),
    (PALINDROME, ["ah ha", "a-h-h-a", "", "ahha and haah"]),
    (of("acre", "on"), ["on or off", "it is on", "1", "**on** **off**", '"on" "off"', "on...", "*****on**", "```\non\n```\n```\noff\n```"]),
    (of("circuit_logic", "1"), ["yes", "True or False"]),
    (of("course_schedule", "True"), ["1", "Yes, No"]),
    (of("isomorphic_strings", "True"), ["Yes"]),
    (of("figlet_font", "STENTOR"), ["STENTOR!", "", "123"]),
    (of("string_insertion", "ABCDA"), ["['A', 'B']", "ABCDX", "A B", "".join(["eval", "('A')"])]),
    (of("number_filtering", "[]"), ["", "none", "nothing"]),
    (of("binary_matrix", "0 1\n1 0"), ["[[0, 1], [1, open('x')]]", "0 1\n1 O"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("metadata", "answers"), UNPARSED, ids=[f"{m['task']}{i}" for i, (m, _) in enumerate(UNPARSED)]
)
def test_other_shapes_are_unparsed(metadata: dict, answers: list[str]) -> None:
    for answer in answers:
        assert judged(answer, metadata).status is Status.UNPARSED, answer


def test_a_conclusion_is_found_where_the_example_does_not_follow() -> None:
    metadata = of("propositional_logic", None, premises=["R", "Q"], variables=["P", "Q", "R"], example_answer="P")
    answer = gold(metadata)
    assert answer is not None
    assert judged(answer, metadata).status is Status.CORRECT
    empty = of("propositional_logic", None, premises=["P ∨ ¬P"], variables=["P"], example_answer="P")
    assert "nothing follows" in (fault(empty) or "")
    assert gold(empty) is None
    assert fault(metadata) is None


def test_braces_within_a_text_are_escaped_in_the_gold_answer() -> None:
    answer = gold(JSON)
    assert answer is not None
    assert json.loads(answer) == json.loads(JSON["entry"]["answer"])
    assert answer.count("{") == answer.count("}")
