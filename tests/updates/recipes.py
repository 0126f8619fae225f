"""The shortest recipe there is, with what a test asks of its algorithm."""

from rlhf.recipe.schema import TrainRecipe


def recipe(max_response_tokens: int = 512, **algorithm) -> TrainRecipe:
    return TrainRecipe.model_validate(
        {
            "policy": {"model": "tiny-moe"},
            "data": {"train": {"source": "reasoning_gym", "task": "chain_sum", "size": 8}},
            "reward": [{"verifier": "math"}],
            "rollout": {"max_response_tokens": max_response_tokens},
            "algorithm": algorithm,
        }
    )
