"""From a pretrained softmax policy to one with attention kernels: text that the teacher samples, and two stages on it."""
