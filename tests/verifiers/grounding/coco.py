"""Mean average precision as pycocotools has it (2.0.11), and the worked numbers that it printed.

`python -m tests.verifiers.grounding.coco` writes `coco_numbers.json` anew, where pycocotools is installed: sets of images
drawn with a fixed seed, each with the figure of pycocotools' own evaluation (boxes, area `all`, 100 detections).
"""

from __future__ import annotations

import contextlib
import io
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from verifiers.grounding.average_precision import Image
from verifiers.grounding.boxes import Box

NUMBERS = Path(__file__).with_name("coco_numbers.json")


def by_pycocotools(images: Sequence[Image]) -> float:
    """-1 where it is not defined."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    categories: dict[str | None, int] = {}
    gold: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for number, image in enumerate(images, 1):
        for box, rows in (*((b, gold) for b in image.gold), *((b, found) for b in image.found)):
            category = categories.setdefault(box.label, len(categories) + 1)
            row = {"image_id": number, "category_id": category, "bbox": [box.x, box.y, box.width, box.height]}
            more = {"id": len(gold) + 1, "area": box.area, "iscrowd": int(box.crowd)}
            rows.append(row | (more if rows is gold else {"score": 1.0 if box.score is None else box.score}))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": number} for number in range(1, len(images) + 1)],
            "categories": [{"id": number, "name": str(label)} for label, number in categories.items()],
            "annotations": gold,
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [100]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]
    defined = precision[precision > -1]
    return float(defined.mean()) if defined.size else -1.0


def drawn(source: random.Random) -> list[Image]:
    """One to three images of a few boxes, with detections that are near them, doubled, of another label, or in a crowd."""
    images = []
    for _ in range(source.randint(1, 3)):
        gold = [_drawn_box(source) for _ in range(source.randint(1, 6))]
        found = [_near(source, source.choice(gold)) for _ in range(source.randint(1, 12))]
        images.append(Image(found, gold))
    return images


def _drawn_box(source: random.Random) -> Box:
    numbers = [source.randint(0, 50), source.randint(0, 50), source.randint(1, 40), source.randint(1, 40)]
    return Box(*map(float, numbers), label=source.choice("ab"), crowd=source.random() < 0.15)


def _near(source: random.Random, box: Box) -> Box:
    shift = [source.choice([0, 0, 1, 2, -1, 3]) for _ in range(4)]
    size = max(1.0, box.width + shift[2]), max(1.0, box.height + shift[3])
    score = source.choice([0.1, 0.2, 0.5, 0.5, 0.9, round(source.random(), 3)])
    label = source.choice([box.label, box.label, "a", "b", "c"])
    return Box(box.x + shift[0], box.y + shift[1], *size, label=label, score=score)


def to_json(image: Image) -> dict[str, Any]:
    return {
        "gold": [[b.x, b.y, b.width, b.height, b.label, b.crowd] for b in image.gold],
        "found": [[b.x, b.y, b.width, b.height, b.label, b.score] for b in image.found],
    }


def from_json(value: dict[str, Any]) -> Image:
    return Image(
        [Box(*row[:5], score=row[5]) for row in value["found"]], [Box(*row[:5], crowd=row[5]) for row in value["gold"]]
    )


def main() -> None:
    source = random.Random(0)
    rows = []
    while len(rows) < 24:
        images = drawn(source)
        figure = by_pycocotools(images)
        if figure >= 0.0:
            rows.append({"map": figure, "images": [to_json(image) for image in images]})
    NUMBERS.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


if __name__ == "__main__":
    main()
