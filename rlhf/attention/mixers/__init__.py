"""Modules that take the place of `self_attn`: hidden states to q, k, v and extras, and the kernel's output back."""
