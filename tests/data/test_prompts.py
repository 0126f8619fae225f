"""Chat templates, suffixes and system prompts, with a real tokenizer of transformers."""

from __future__ import annotations

import pytest

from rlhf.data.errors import BadRowError
from rlhf.data.prompts import make_prompt
from rlhf.data.rows import Row
from rlhf.recipe.data_schema import DataConfig, SourceConfig
from tests.data.helpers import WordTokenizer

TEMPLATE = (
    "{% for m in messages %}"
    "{% if m.role == 'tool' %}{{ raise_exception('no tools here') }}{% endif %}"
    "<{{ m.role }}> {{ m.content }} "
    "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture(scope="module")
def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = ["<s>", "<system>", "<user>", "<assistant>", "<tool>", "two", "plus", "be", "brief", "box", "it", "?"]
    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="?"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", unk_token="?")


def data(**more) -> DataConfig:
    return DataConfig(train=SourceConfig(source="jsonl", path="x"), **more)


def words_of(tokenizer, prompt) -> str:
    return " ".join(tokenizer.convert_ids_to_tokens(list(prompt.token_ids)))


def chat(*messages: tuple[str, str]) -> Row:
    parts = tuple({"role": role, "content": content} for role, content in messages)
    return Row("f:1", 4, parts[-1]["content"], "4", {"k": 1}, "sums", parts)


SHOWN = [{"prompt": "plus", "response": "two"}]
CASES = [
    (
        Row("f:1", 4, "two plus"),
        {"few_shot": SHOWN, "system_prompt": "be brief", "prompt_suffix": " box it"},
        "<system> be brief <user> plus box it <assistant> two <user> two plus box it <assistant>",
    ),
    (
        chat(("system", "be brief"), ("user", "two")),
        {"few_shot": SHOWN},
        "<system> be brief <user> plus <assistant> two <user> two <assistant>",
    ),
    (Row("f:1", 4, "two plus"), {}, "<user> two plus <assistant>"),
    (Row("f:1", 4, "two plus"), {"system_prompt": "be brief"}, "<system> be brief <user> two plus <assistant>"),
    (Row("f:1", 4, "two plus"), {"prompt_suffix": " box it"}, "<user> two plus box it <assistant>"),
    (
        chat(("system", "be brief"), ("user", "two"), ("assistant", "it"), ("user", "plus")), {"prompt_suffix": " box"},
        "<system> be brief <user> two <assistant> it <user> plus box <assistant>",
    ),
    (chat(("user", "two")), {"system_prompt": "be"}, "<system> be <user> two <assistant>"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "keys", "expected"), CASES)
def test_chat_template_is_applied_with_the_opening_of_the_answer(tokenizer, row, keys, expected):
    tokenizer.chat_template = TEMPLATE
    prompt = make_prompt(row, "train", data(**keys), tokenizer)
    assert words_of(tokenizer, prompt) == expected
    assert all(type(i) is int for i in prompt.token_ids)


def test_tokens_are_those_of_transformers_own_call(tokenizer):
    tokenizer.chat_template = TEMPLATE
    prompt = make_prompt(Row("f:1", 0, "two plus two"), "train", data(), tokenizer)
    own = tokenizer.apply_chat_template(
        [{"role": "user", "content": "two plus two"}], tokenize=True, add_generation_prompt=True, return_dict=False
    )
    assert list(prompt.token_ids) == own


def test_without_a_template_the_text_is_plain(tokenizer):
    tokenizer.chat_template = None
    prompt = make_prompt(Row("f:1", 4, "two plus"), "train", data(prompt_suffix=" box"), tokenizer)
    assert words_of(tokenizer, prompt) == "<s> two plus box"
    prompt = make_prompt(Row("f:1", 4, "two"), "train", data(system_prompt="be brief"), tokenizer)
    assert words_of(tokenizer, prompt) == "<s> be brief two"
    assert make_prompt(chat(("user", "two")), "train", data(), tokenizer).token_ids == (0, 5)


def test_a_prompt_carries_what_its_verifier_needs():
    prompt = make_prompt(chat(("user", "two plus")), "heldout", data(prompt_suffix=" box it"), WordTokenizer())
    assert (prompt.id, prompt.text, prompt.reference) == ("heldout/4", "two plus", "4")
    assert len(prompt.token_ids) == 1 + 4, "the suffix is in the tokens, not in the text"
    assert (prompt.metadata, prompt.domain) == ({"k": 1}, "sums")


def test_two_system_prompts_are_refused(tokenizer):
    tokenizer.chat_template = TEMPLATE
    row = chat(("system", "be"), ("user", "two"))
    with pytest.raises(BadRowError, match=r"f:1: the row has a system message, and the recipe data\.system_prompt"):
        make_prompt(row, "train", data(system_prompt="be brief"), tokenizer)


def test_what_the_template_refuses_is_a_bad_row(tokenizer):
    tokenizer.chat_template = TEMPLATE
    row = chat(("user", "two"), ("tool", "it"), ("user", "plus"))
    with pytest.raises(BadRowError, match="f:1: the chat template refuses it: no tools here"):
        make_prompt(row, "train", data(), tokenizer)


def test_a_fault_of_the_tokenizer_is_not_blamed_on_the_row():
    class Broken(WordTokenizer):
        chat_template = "x"

    with pytest.raises(AssertionError, match="there is no chat template"):
        make_prompt(Row("f:1", 0, "two"), "train", data(), Broken())


def test_a_prompt_without_tokens_is_refused():
    class Silent(WordTokenizer):
        def __call__(self, text, *, add_special_tokens=True):
            return {"input_ids": []}

    with pytest.raises(BadRowError, match="the tokenizer makes no token of the prompt"):
        make_prompt(Row("f:1", 0, "two"), "train", data(), Silent())
