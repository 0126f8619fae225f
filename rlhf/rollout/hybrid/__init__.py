"""vLLM's Llama and Qwen models with a recipe's kernels in place of attention; loaded by `rlhf.rollout.plugin`."""
