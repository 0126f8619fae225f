"""Models that grade."""

from __future__ import annotations

from verifiers.spec import Option, VerifierSpec

REWARD_MODEL = VerifierSpec(
    "reward_model",
    "the score of a Hugging Face sequence-classification model, as a degree between 0 and 1",
    "verifiers.reward_model:reward_model_verifier",
    needs_reference=False,
    grades=True,
    options={
        "model": Option(str, "", "a folder in Hugging Face format, or a hub id", required=True),
        "max_tokens": Option(
            int, 4096, "of question and answer together, or what the model can read; the rest is cut off", least=1
        ),
        "think_close": Option(
            str, "</think>", "text that ends the thinking part, which is not scored; empty: score all"
        ),
    },
)

SPECS = (REWARD_MODEL,)
