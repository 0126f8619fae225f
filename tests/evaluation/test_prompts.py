"""A problem to tokens: what is asked, in which template, with which examples; nothing of it silently changed."""

import pytest

from rlhf.data.errors import DataError
from rlhf.evaluation.problem import Problem
from rlhf.evaluation.prompts import PromptStyle, encode, wrap
from rlhf.recipe.data_schema import FewShotExample
from rlhf.recipe.evaluation_schema import EvaluationConfig

PROBLEM = Problem("7", "What is {x} + 1?", "3")
EXAMPLES = [FewShotExample(prompt="1 + 1?", response="2")]
TEMPLATE = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}{% if thinking %}<think>{% endif %}"
)


class Words:
    """A token is a character; the chat template is rendered as transformers does."""

    def __init__(self, template=TEMPLATE):
        self.chat_template = template

    def __call__(self, text, *, add_special_tokens=True):
        return {"input_ids": [0] * add_special_tokens + [ord(c) for c in text]}

    def apply_chat_template(self, conversation, **options):
        from transformers.utils.chat_template_utils import render_jinja_template

        assert options.pop("tokenize") is False
        template = options.pop("chat_template", self.chat_template)
        rendered, _ = render_jinja_template(conversations=[conversation], chat_template=template, **options)
        return rendered[0]


def text_of(ids):
    return "".join(chr(i) if i else "^" for i in ids)


def shown(config, tokenizer=None, few_shot=(), instruction="Q: {question} Box it: \\boxed{}."):
    tokenizer = tokenizer or Words()
    style = PromptStyle.of(EvaluationConfig(benchmarks=["gsm8k"], **config), tokenizer)
    return text_of(encode(PROBLEM, instruction, few_shot, style, tokenizer)), style


ASKED = "Q: What is {x} + 1? Box it: \\boxed{}."


@pytest.mark.parametrize(
    ("config", "few_shot", "expected"),
    [
        ({}, (), f"[user]{ASKED}[assistant]"),
        ({"system_prompt": "Be brief."}, (), f"[system]Be brief.[user]{ASKED}[assistant]"),
        ({}, EXAMPLES, f"[user]Q: 1 + 1? Box it: \\boxed{{}}.[assistant]2[user]{ASKED}[assistant]"),
        ({"template_options": {"thinking": True}}, (), f"[user]{ASKED}[assistant]<think>"),
        ({"chat_template": "none"}, (), f"^{ASKED}"),
        (
            {"chat_template": "none", "system_prompt": "Be brief."},
            EXAMPLES,
            f"^Be brief.\n\nQ: 1 + 1? Box it: \\boxed{{}}.\n2\n\n{ASKED}",
        ),
    ],
)
def test_what_the_model_is_given(config, few_shot, expected):
    assert shown(config, few_shot=few_shot)[0] == expected


def test_the_questions_own_braces_stay():
    assert wrap("{question} {x}", "a {question} b") == "a {question} {x} b"


def test_a_template_of_ones_own(tmp_path):
    path = tmp_path / "plain.jinja"
    path.write_text("{% for m in messages %}<{{ m.content }}>{% endfor %}")
    text, style = shown({"chat_template": str(path)})
    assert (text, style.chat_template) == (f"<{ASKED}>", str(path))
    with pytest.raises(DataError, match=r"evaluation.chat_template: .*nowhere.jinja cannot be read"):
        shown({"chat_template": str(tmp_path / "nowhere.jinja")})


def test_a_model_without_a_template_is_given_plain_text_and_the_results_say_so():
    text, style = shown({}, Words(template=None))
    assert (text, style.chat_template) == (f"^{ASKED}", "none")


def test_a_template_that_refuses_is_named_with_the_problem():
    with pytest.raises(DataError, match="refuses problem 7: no system here"):
        shown({"system_prompt": "x"}, Words("{{ raise_exception('no system here') }}"))


def test_what_makes_no_token_is_refused():
    with pytest.raises(DataError, match="problem 7: the tokenizer makes no token"):
        shown({}, Words("{{ '' }}"))
