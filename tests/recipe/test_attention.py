"""`policy.attention` resolved for a number of layers, and how layers are spelled."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.recipe.attention import (
    AttentionError,
    LayerAttention,
    described,
    faults_of,
    layers_of_config,
    resolve_layers,
    spelled,
)
from rlhf.recipe.attention_schema import AttentionConfig
from tests.recipe.kernels import KERNELS, LocalSettings, kernels

__all__ = ["kernels"]
pytestmark = pytest.mark.usefixtures("kernels")


def config(**keys) -> AttentionConfig:
    return AttentionConfig.model_validate_json(json.dumps(keys))


def names(found) -> list[str]:
    return [layer.kernel for layer in found]


def test_what_is_not_named_has_the_default():
    assert names(resolve_layers(config(layers={"1": "decay"}), 3)) == ["softmax", "decay", "softmax"]
    assert names(resolve_layers(config(default="decay"), 2)) == ["decay", "decay"]
    assert names(resolve_layers(AttentionConfig(), 2)) == ["softmax", "softmax"]


def test_the_recipe_of_the_documentation():
    layers = {
        "0-11": "decay",
        "12": {"kernel": "local", "window": 256},
        "14-28:2": {"kernel": "needy", "size": 3},
    }
    found = resolve_layers(config(layers=layers), 30)
    assert names(found[:12]) == ["decay"] * 12
    assert found[12] == LayerAttention("local", {"window": 256, "kind": "hard"})
    assert [i for i, layer in enumerate(found) if layer.kernel == "needy"] == [14, 16, 18, 20, 22, 24, 26, 28]
    assert [i for i, layer in enumerate(found) if layer.kernel == "softmax"] == [13, *range(15, 28, 2), 29]


def test_settings_are_filled_in_and_read_back():
    (layer,) = resolve_layers(config(default={"kernel": "local", "kind": "soft"}), 1)
    assert layer.settings == {"window": 64, "kind": "soft"}
    assert layer.parsed() == LocalSettings(window=64, kind="soft")
    assert layer.spec is next(kernel for kernel in KERNELS if kernel.name == "local")


BAD = [
    ({"layers": {"0-40": "decay"}}, "layers.0-40", "found 0-40, and the model has 30 layers; write 0-29"),
    ({"layers": {"10-40:2": "decay"}}, "layers.10-40:2", "found 10-40:2, and the model has 30 layers; write 10-29:2"),
    ({"layers": {"30": "decay"}}, "layers.30", "found 30, and the model has 30 layers; write layers of 0-29"),
    ({"layers": {"35-40": "decay"}}, "layers.35-40", "found 35-40, and the model has 30 layers; write layers of 0-29"),
    ({"layers": {"0-11": "decay", "8-20": "local"}}, "layers.8-20", "layers 8-11 are in 0-11 too; name a layer once"),
    ({"layers": {"0-28:2": "decay", "4": "local"}}, "layers.4", "layer 4 is in 0-28:2 too; name a layer once"),
    ({"layers": {"0": "decay", "1": "local", "0-1": "decay"}}, "layers.0-1", "layers 0-1 are in 0 and 1 too; name a layer once"),
    ({"layers": {"4": "decay", "04": "decay"}}, "layers.04", "layer 4 is in 4 too; name a layer once"),
    ({"layers": {"11-0": "decay"}}, "layers.11-0", "found 11-0; write the lower layer first: 0-11"),
    ({"layers": {"0-11:0": "decay"}}, "layers.0-11:0", "found 0-11:0, with a step of 0; write 0-11"),
    ({"layers": {"0-3:8": "decay"}}, "layers.0-3:8", "found 0-3:8, which is layer 0 alone; write 0, or a step of at most 3"),
    ({"layers": {"0..11": "decay"}}, "layers.0..11", "found '0..11'; write a layer, e.g. 12, a range, e.g. 0-11, or every second of one, e.g. 14-28:2"),
    ({"layers": {"-1": "decay"}}, "layers.-1", "found '-1'; write a layer"),
    ({"layers": {"3:2": "decay"}}, "layers.3:2", "found '3:2'; write a layer"),
    ({"layers": {"0-11": "decai"}}, "layers.0-11", "no attention kernel is called 'decai'; did you mean decay? (`rlhf list attention`)"),
    ({"default": "zzz"}, "default", "no attention kernel is called 'zzz'; there is: blocks, decay,"),
    ({"default": {"kernel": "zzz"}}, "default", "no attention kernel is called 'zzz'"),
    ({"layers": {"0-11": {"kernel": "local", "window": 0}}}, "layers.0-11.window", "found 0; write a number of at least 1"),
    ({"layers": {"0": {"kernel": "local", "window": "wide"}}}, "layers.0.window", "found 'wide'; write a whole number"),
    ({"layers": {"0": {"kernel": "local", "kind": "sofd"}}}, "layers.0.kind", "found 'sofd'; write hard or soft; did you mean soft?"),
    ({"layers": {"0": {"kernel": "local", "windw": 3}}}, "layers.0.windw", "local has no such setting; did you mean window"),
    ({"layers": {"0": {"kernel": "decay", "window": 3}}}, "layers.0.window", "decay has no such setting; it has none: remove it"),
    ({"layers": {"0": "needy"}}, "layers.0.size", "missing; write how large"),
    ({"default": None, "layers": {"0-6": "decay", "8-29": "decay"}}, "default", "found null, and layer 7 is not named; write default: softmax, or a key 7 below layers"),
    ({"default": None}, "default", "found null, and layers 0-29 are not named; write default: softmax, or a key 0-29 below layers"),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "key", "message"), BAD, ids=[b[2][:50] for b in BAD])
def test_bad_layers_are_refused_with_their_key(keys, key, message):
    with pytest.raises(AttentionError) as refusal:
        resolve_layers(config(**keys), 30)
    (found,) = refusal.value.findings
    assert found.fatal
    assert found.key == f"policy.attention.{key}"
    assert found.message.startswith(message)
    assert str(refusal.value).startswith(f"policy.attention.{key}: {message}")


def test_every_fault_is_told_at_once():
    keys = {"default": "softmaks", "layers": {"x": "decay", "3": "decai", "4": {"kernel": "local", "window": 0}}}
    with pytest.raises(AttentionError) as refusal:
        resolve_layers(config(**keys), 30)
    assert {f.key.removeprefix("policy.attention.") for f in refusal.value.findings} == {
        "default", "layers.x", "layers.3", "layers.4.window",
    }  # fmt: skip


def test_without_a_model_all_but_its_layers_is_looked_at():
    assert faults_of(config(layers={"0-4000": "decay"}, default=None)) == []
    assert [f.key for f in faults_of(config(layers={"0-9999999999": "decay", "7": "local"}))] == [
        "policy.attention.layers.7"
    ]
    assert [f.key for f in faults_of(config(default="no", layers={"x": "decay"}))] == [
        "policy.attention.default",
        "policy.attention.layers.x",
    ]


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 6), st.integers(1, 4)).filter(lambda p: p[1] == 0 or p[2] <= p[1]),
        max_size=4,
    ),
    st.data(),
)
def test_a_layer_has_the_kernel_of_the_one_key_that_names_it(parts, data):
    spans = {f"{a}-{a + n}:{s}": range(a, a + n + 1, s) for a, n, s in parts}
    owners: dict[int, list[str]] = {}
    for key, span in spans.items():
        for i in span:
            owners.setdefault(i, []).append(key)
    asked = config(layers={key: {"kernel": "local", "window": n + 1} for n, key in enumerate(spans)})
    if any(len(keys) > 1 for keys in owners.values()):
        with pytest.raises(AttentionError, match="name a layer once"):
            resolve_layers(asked, 40)
        return
    windows = {key: n + 1 for n, key in enumerate(spans)}
    for i, layer in enumerate(resolve_layers(asked, 40)):
        assert layer.settings.get("window") == (windows[owners[i][0]] if i in owners else None)


SPELLED = [
    ([7], "layer 7"), ([3, 5], "layers 3, 5"), ([3, 4], "layers 3-4"), ([0, 1, 2], "layers 0-2"),
    ([0, 1, 2, 5, 7, 8], "layers 0-2, 5, 7-8"), ([1, 3, 5], "layers 1, 3, 5"), ([1, 3, 5, 7], "layers 1-7:2"),
    ([0, 3, 6, 10], "layers 0, 3, 6, 10"),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "text"), SPELLED)
def test_layers_are_spelled_as_a_recipe_names_them(layers, text):
    assert spelled(layers) == text


@given(st.sets(st.integers(0, 60), min_size=1))
def test_what_is_spelled_can_be_written(layers):
    keys = spelled(sorted(layers), bare=True).split(", ")
    found = resolve_layers(config(layers=dict.fromkeys(keys, "decay")), 61)
    assert {i for i, layer in enumerate(found) if layer.kernel == "decay"} == layers


def test_described():
    assert (
        described(resolve_layers(config(layers={"0-11": "decay"}), 30)) == "decay in layers 0-11, softmax in the others"
    )
    assert described(resolve_layers(config(default="decay"), 30)) == "decay in every layer"
    mixed = config(default="decay", layers={"1": "local"})
    assert described(resolve_layers(mixed, 4)) == "local in layer 1, decay in the others"


def test_layers_of_a_checkpoint():
    raw = {
        "layers": [
            {"kernel": "softmax", "settings": {}},
            {"kernel": "local", "settings": {"window": 8}},
            {"kernel": "decay"},
        ]
    }
    found = layers_of_config(raw, 3)
    assert names(found) == ["softmax", "local", "decay"]
    assert found[1].settings == {"window": 8, "kind": "hard"}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (None, "attention.layers: found none for 2 layers"),
        ({"layers": []}, "attention.layers: found 0 entries for 2 layers"),
        ({"layers": ["decay", {"kernel": "decay"}]}, "attention.layers.0: found 'decay', which names no kernel"),
        ({"layers": [{"kernel": "decay"}, {"kernel": "decai"}]}, "attention.layers.1: no attention kernel is called 'decai'"),
        ({"layers": [{"kernel": "decay"}, {"kernel": "local", "settings": {"window": 0}}]}, "attention.layers.1.window: found 0"),
    ],
)  # fmt: skip
def test_bad_layers_of_a_checkpoint(raw, message):
    with pytest.raises(AttentionError) as refusal:
        layers_of_config(raw, 2)
    assert str(refusal.value).startswith(message)
