"""The batch of the specification's worked numbers: 4 sequences of at most 5 tokens, float64."""

import torch

MASK = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 1, 0]], dtype=torch.float64)
OLD = torch.tensor(
    [[-0.5, -1.2, -0.3, 0, 0], [-2.0, -0.7, -0.1, -1.5, -0.9], [-0.4, -3.0, 0, 0, 0], [-1.0, -0.2, -0.6, -2.5, 0]],
    dtype=torch.float64,
)
NEW = torch.tensor(
    [
        [-0.2, -1.45, -0.25, 0, 0],
        [-1.8, -1.1, 0.0, -1.15, -0.95],
        [-0.7, -2.72, 0, 0, 0],
        [-0.78, -0.05, -0.7, -2.85, 0],
    ],
    dtype=torch.float64,
)
REWARDS = torch.tensor([1.0, 0.0, 0.0, 1.0], dtype=torch.float64)
