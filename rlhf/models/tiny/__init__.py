"""The demo's policy: a Qwen3-MoE of 1.8 M parameters and its tokenizer. Names: `rlhf.models.tiny.build`."""
