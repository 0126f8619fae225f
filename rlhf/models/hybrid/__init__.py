"""Llama and Qwen models in which a recipe's kernels take the place of softmax attention, layer by layer."""
