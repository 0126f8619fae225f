"""Rows as copies write them, to problems; and what a row that cannot be one is told."""

import pytest

from rlhf.data.errors import BadRowError
from rlhf.evaluation.benchmarks.readers import code, math, science
from rlhf.evaluation.benchmarks.records import Record
from tests.evaluation.benchmarks.rows import GPQA, GSM8K, HUMANEVAL, MATH500, MBPP


def record(fields, number=7):
    return Record("f.jsonl:8", number, fields)


def test_gsm8k_gold_is_what_follows_the_marks():
    golds = [math.gsm8k(record(row)).reference for row in GSM8K]
    assert golds == ["18", "1125", "-3", "20"]
    problem = math.gsm8k(record(GSM8K[0]))
    assert (problem.id, problem.question, problem.category) == ("7", GSM8K[0]["question"], None)
    assert problem.core == (), "the question is the data set's own"


def test_math500_has_its_own_ids_and_subjects():
    problem = math.answered(record(MATH500[1]))
    assert (problem.id, problem.reference, problem.category) == ("t/2", "(3, \\pi)", "Geometry")


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("204", "204"),
        (204, "204"),
        (27.0, "27"),
        (-1.0, "-1"),
        ("027", "27"),
        ("000", "0"),
        ("27.0", "27"),
        ("$27$", "27"),
        ("336^\\circ", "336"),
        (" 45 ", "45"),
        ("+5", "5"),
    ],
)
def test_whole_numbers_however_a_copy_writes_them(answer, gold):
    assert math.whole_number(record({"id": 3, "question": "?", "answer": answer})).reference == gold
    assert math.whole_number(record({"id": 3, "problem": "?", "answer": answer})).id == "3"


@pytest.mark.parametrize("answer", ["27.5", 27.5, "x", "1/2", "27 or 28", "1e3", True])
def test_other_answers_are_no_whole_numbers(answer):
    with pytest.raises(BadRowError, match=r"f\.jsonl:8: field 'answer': found"):
        math.whole_number(record({"problem": "?", "answer": answer}))


SUM = "x_{0} \\cos (\\omega t)+ \\dot{x}_{0} \\sin (\\omega t) / \\omega"


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("x_{0} \\cos (\\omega t)+$ $\\dot{x}_{0} \\sin (\\omega t) / \\omega", SUM),
        ("x_{0} \\cos (\\omega t)+$\n$\\dot{x}_{0} \\sin (\\omega t) / \\omega", SUM),
        ("a+$ $b+$ \n $c", "a+ b+ c"),
        ("$a$ $+b$", "$a +b$"),
        ("\\$ $5$", "\\$ $5$"),
        ("$a$ and $b$", "$a$ and $b$"),
        ("$$a$$", "$$a$$"),
        ("4.5e33", "4.5e33"),
        (7, "7"),
    ],
)
def test_minerva_answers_of_several_formulas_are_one(answer, gold):
    assert math.minerva(record({"question": "?", "answer": answer})).reference == gold


@pytest.mark.parametrize(
    ("final", "gold"), [(["2"], "2"), (["$2$", "$3$"], "$2$, $3$"), ("\\frac12", "\\frac12"), (None, "7")]
)
def test_olympiadbench_answers_are_lists(final, gold):
    fields = {"id": 1606, "question": "?", "final_answer": final, "answer": "7", "subfield": "Algebra"}
    problem = math.olympiad(record(fields))
    assert (problem.id, problem.reference, problem.category) == ("1606", gold, "Algebra")


def test_gpqa_options_are_shuffled_alike_wherever_the_row_stands():
    problem = science.gpqa(record(GPQA[3]))
    options = problem.metadata["choices"]
    assert problem.reference == "ABCD"[options.index("the right one 3")]
    assert sorted(options) == ["a third wrong one 3", "a wrong one 3", "another wrong one 3", "the right one 3"]
    assert problem.question == "Which particle has charge 3?\n\n" + "\n".join(
        f"{letter}) {option}" for letter, option in zip("ABCD", options, strict=True)
    )
    assert (problem.id, problem.category) == ("rec3", "Physics")
    moved = {**GPQA[3], "Record ID": "another", "Incorrect Answer 1": "another wrong one 3"}
    moved["Incorrect Answer 2"] = "a wrong one 3"
    assert science.gpqa(record(moved, number=99)).metadata["choices"] == options


def test_gpqa_letters_are_all_used_and_never_change():
    letters = "".join(str(science.gpqa(record(row)).reference) for row in GPQA)
    assert letters == "CCDDCABCBDDDBBBCCABAABCBCBBDBABDABCCCDDB"


def test_gpqa_wants_one_right_option():
    with pytest.raises(BadRowError, match="'Correct Answer': a wrong option is the same text"):
        science.gpqa(record({**GPQA[0], "Incorrect Answer 2": "the right one 0"}))


def test_humaneval_asks_for_the_prompt_and_keeps_the_whole_program():
    problem = code.humaneval(record(HUMANEVAL[0]))
    assert problem.id == "HumanEval/0"
    assert problem.question == HUMANEVAL[0]["prompt"]
    assert problem.reference == 'def double(n: int) -> int:\n    """Twice n."""\n    return 2 * n\n'
    assert set(problem.metadata) == {"prompt", "entry_point", "test"}


def test_mbpp_is_its_test_split_and_shows_all_its_tests():
    problems = [code.mbpp(record(row)) for row in MBPP]
    assert [p.id for p in problems if p is not None] == ["11", "510"]
    problem = problems[2]
    assert problem is not None
    assert problem.question == (
        "Write a function that adds one.\n\nYour code should pass these tests:\n\n"
        "assert add_one(1) == 2\nassert add_one(-1) == 0"
    )
    assert problem.metadata == {"test_list": MBPP[2]["test_list"], "test_imports": []}
    assert problem.core == (
        "Write a function that adds one.",
        "assert add_one(1) == 2\nassert add_one(-1) == 0",
    )


LCB = {
    "question_id": "abc301_a",
    "question_content": "Add two numbers.",
    "starter_code": "",
    "difficulty": "easy",
    "public_test_cases": '[{"input": "1 2", "output": "3", "testtype": "stdin"}]',
    "private_test_cases": "[]",
    "metadata": "{}",
}


def test_livecodebench_rows_are_asked_as_sandboxfusion_writes_them():
    problem = code.livecodebench(record(LCB))
    assert (problem.id, problem.reference, problem.category) == ("abc301_a", None, "easy")
    assert problem.question.startswith("You are an expert Python programmer.")
    assert "\n### Question:\nAdd two numbers.\n\n### Format: Read the inputs from stdin" in problem.question
    assert problem.question.endswith(
        "```python\n# YOUR CODE HERE\n```\n\n### Answer: (use the provided format with backticks)\n\n"
    )
    assert dict(problem.metadata) == {key: LCB[key] for key in ("public_test_cases", "private_test_cases", "metadata")}


def test_livecodebench_shows_starter_code():
    starter = "class Solution:\n    def f(self, n: int) -> int:\n        "
    question = code.livecodebench(record({**LCB, "starter_code": starter})).question
    assert "You will use the following starter code to write the solution" in question
    assert f"```python\n{starter}\n```" in question


def test_sandboxfusion_rows_hold_the_whole_prompt():
    problem = code.livecodebench(record({"id": 10, "content": "Do it.", "test": "eJx", "canonical_solution": "exit"}))
    assert problem == code.Problem("10", "Do it.", None, {"test": "eJx"}, core=("Do it.",))


@pytest.mark.parametrize(
    ("read", "fields", "message"),
    [
        (math.gsm8k, {"question": "?", "gold": "1"}, "field 'answer' is missing: a problem without a gold answer"),
        (math.gsm8k, {"question": "?", "gold": "1"}, "the row has: question, gold"),
        (math.gsm8k, {"question": "?", "answer": "It is 18."}, "no `#### N` at its end"),
        (math.gsm8k, {"question": "?", "answer": "18 ####  "}, "no `#### N` at its end"),
        (math.gsm8k, {"answer": "#### 18"}, "field 'question' is missing"),
        (math.answered, {"problem": "?", "answer": None}, "field 'answer': found null; a problem without a gold"),
        (math.answered, {"problem": "?", "answer": " "}, "field 'answer': found empty text; write the gold answer"),
        (math.answered, {"problem": "?", "answer": ["1"]}, "field 'answer': found a list"),
        (math.answered, {"problem": "?", "answer": float("nan")}, "field 'answer': found NaN"),
        (math.answered, {"prompt": "?", "answer": "1"}, "field 'problem' or 'question' is missing"),
        (math.answered, {"problem": "\ud800", "answer": "1"}, "half of a surrogate pair"),
        (math.olympiad, {"question": "?", "final_answer": []}, "field 'final_answer': found an empty list"),
        (math.olympiad, {"question": "?"}, "field 'final_answer' or 'answer' is missing"),
        (
            science.gpqa,
            {k: v for k, v in GPQA[0].items() if k != "Correct Answer"},
            "field 'Correct Answer' is missing",
        ),
        (code.humaneval, {"prompt": "def f(): ...", "entry_point": "f"}, "field 'test' is missing"),
        (code.mbpp, {**MBPP[2], "test_list": []}, "field 'test_list': found an empty list; write a list of texts"),
        (code.mbpp, {**MBPP[2], "task_id": "a"}, "field 'task_id': found 'a'; MBPP's are whole numbers"),
        (code.mbpp, {"text": "?", "task_id": 601}, "field 'text': is of the full MBPP of 974 problems"),
        (code.mbpp, {"text": None, "task_id": 11, "test_list": ["a"]}, "field 'prompt' is missing"),
        (code.livecodebench, {"question_content": "?"}, "field 'public_test_cases' is missing"),
    ],
)
def test_a_row_that_cannot_be_a_problem_says_what_is_wrong(read, fields, message):
    with pytest.raises(BadRowError) as caught:
        read(record(fields))
    assert str(caught.value).startswith("f.jsonl:8: ")
    assert message in str(caught.value)
