"""A vLLM worker that tells what it holds: its resident memory, and the pages of the sequences that it runs."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.resident import resident
from rlhf.rollout.worker import LongthoughtWorker


class CacheProbe(LongthoughtWorker):
    def held(self) -> dict[str, Any]:
        """resident: bytes of this process. groups: of each kind of cache, layers, bytes of a page of one layer, and
        pages of every running sequence. cache: bytes of all those pages. sequences: running ones."""
        runner = self.model_runner
        batch = runner.input_batch
        groups = [
            {
                "kind": type(group.kv_cache_spec).__name__,
                "layers": len(group.layer_names),
                "page_bytes": int(group.kv_cache_spec.page_size_bytes),
                "pages": batch.block_table[i].num_blocks_per_row[: batch.num_reqs].tolist(),
            }
            for i, group in enumerate(runner.kv_cache_config.kv_cache_groups)
        ]
        return {
            "pid": os.getpid(),
            "resident": resident(),
            "sequences": batch.num_reqs,
            "groups": groups,
            "cache": sum(g["layers"] * g["page_bytes"] * sum(g["pages"]) for g in groups),
        }
