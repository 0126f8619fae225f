"""Boxes in an image, compared with gold boxes: intersection over union, and COCO's mean average precision."""
