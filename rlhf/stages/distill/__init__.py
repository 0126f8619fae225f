"""From a pretrained softmax policy to one with attention kernels, on text that the softmax policy samples."""
