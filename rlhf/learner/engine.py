"""The process group and the DeepSpeed engine: everything that knows DeepSpeed's ways stands here.

Seen in 0.19.8, and handled: gradients are divided by the number of ranks (the loss is multiplied by it); plain
torch optimizers step on a non-finite gradient (here the norm is looked at first); without ZeRO, in bfloat16, the
moments are made by a step of zero gradients that leaves Adam's counter at 1 and so shrinks the first updates by a
quarter (here it is set back); the communication buffers default to a gigabyte and more (see config.py).
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from rlhf.learner.spec import LearnerSpec, NonFiniteError

TIMEOUT = timedelta(minutes=30)  # of every collective


def join_group(spec: LearnerSpec) -> None:
    """gloo on a CPU, nccl on a GPU; must come before the first import of deepspeed in this process."""
    on_cpu = spec.device == "cpu"
    index = 0 if on_cpu else torch.device(spec.device).index or 0
    os.environ.update(
        RANK=str(spec.rank), WORLD_SIZE=str(spec.world_size), LOCAL_RANK=str(index), LOCAL_SIZE=str(spec.world_size)
    )
    if on_cpu:
        os.environ["DS_ACCELERATOR"] = "cpu"
    else:
        torch.cuda.set_device(index)
    backend = "gloo" if on_cpu else "nccl"
    if dist.is_initialized():
        raise RuntimeError("this process already belongs to a process group; close() the other learner first")
    store = dist.HashStore() if spec.world_size == 1 else _meeting_place(spec)
    dist.init_process_group(backend, store=store, rank=spec.rank, world_size=spec.world_size, timeout=TIMEOUT)
    os.environ.update(MASTER_ADDR=spec.master_addr, MASTER_PORT=str(spec.master_port or 29500))
    import deepspeed

    # DeepSpeed would compile a shared-memory all-reduce here (g++ and ninja, 25 to 100 s), behind a file lock that a
    # killed build leaves shut for good; gloo does the same work.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(dist_backend=backend, auto_mpi_discovery=False, verbose=False)


def _meeting_place(spec: LearnerSpec) -> dist.TCPStore:
    """Where the ranks find each other. By itself torch would listen on every interface; this is master_addr alone."""
    listener = None
    if spec.rank == 0:
        family = socket.AF_INET6 if ":" in spec.master_addr else socket.AF_INET
        listener = socket.create_server((spec.master_addr, spec.master_port), family=family).detach()
    return dist.TCPStore(
        spec.master_addr,
        spec.master_port,
        spec.world_size,
        is_master=spec.rank == 0,
        timeout=TIMEOUT,
        master_listen_fd=listener,
    )


def leave_group() -> None:
    if dist.is_initialized():
        import deepspeed

        deepspeed.comm.destroy_process_group()


class Engine:
    """A DeepSpeed engine whose gradient is the sum of what `backward` was given, over micro-batches and ranks."""

    def __init__(
        self, module: nn.Module, config: dict[str, Any], groups: list[dict[str, Any]], world_size: int
    ) -> None:
        import deepspeed

        logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
        self.world_size = world_size
        self.stage = int(config["zero_optimization"]["stage"])
        self._clip = float(config["gradient_clipping"])
        # Without ZeRO in float32 the optimizer is torch's own: clipped here, where the norm can be seen first.
        self._plain = self.stage == 0 and not config["bf16"]["enabled"]
        if self._plain:
            config = config | {"gradient_clipping": 0.0}
        self.ds, self.optimizer, _, _ = deepspeed.initialize(model=module, model_parameters=groups, config=config)
        self.reset_moments()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.ds(*args, **kwargs)

    def backward(self, loss: Tensor, *, last: bool) -> None:
        """last: of this step's micro-batches; gradients are reduced then."""
        self.ds.set_gradient_accumulation_boundary(last)
        self.ds.backward(loss * self.world_size, scale_wrt_gas=False)

    def step(self, learning_rate: float) -> float:
        """Clip, update, and return the norm before clipping. NonFiniteError, and no update, if it is not finite."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        if self._plain:
            norm = float(nn.utils.clip_grad_norm_(self.ds.module.parameters(), self._clip))
            if not torch.isfinite(torch.tensor(norm)):
                self.ds.zero_grad()
                raise NonFiniteError(f"the gradient's norm is {norm}")
            self.ds.step()
            return norm
        self.ds.step()
        if getattr(self.optimizer, "overflow", False):
            raise NonFiniteError("the gradient has entries that are NaN or infinite")
        return float(self.ds.get_global_grad_norm())

    @contextmanager
    def gathered(self, parameters: list[Tensor]) -> Iterator[None]:
        """The full tensors of ZeRO-3 parameters, for as long as the context is open; a collective there."""
        partitioned = [p for p in parameters if hasattr(p, "ds_id")]
        if not partitioned:
            yield
            return
        import deepspeed

        with deepspeed.zero.GatheredParameters(partitioned):
            yield

    @contextmanager
    def changing(self, parameters: list[Tensor]) -> Iterator[None]:
        """The same to write to: what stands on rank 0 when it closes is kept. Every rank must write the same."""
        partitioned = [p for p in parameters if hasattr(p, "ds_id")]
        if not partitioned:
            yield
            return
        import deepspeed

        with deepspeed.zero.GatheredParameters(partitioned, modifier_rank=0):
            yield

    def decay_matrices(self, weight_decay: float) -> None:
        self.optimizer.param_groups[0]["weight_decay"] = weight_decay

    def reset_moments(self) -> None:
        """Adam as at its first step: every state tensor and counter at zero, in place."""
        base = getattr(self.optimizer, "optimizer", self.optimizer)
        for state in base.state.values():
            for key, value in state.items():
                if isinstance(value, Tensor):
                    value.zero_()
                elif isinstance(value, (int, float)):
                    state[key] = 0

    def close(self) -> None:
        self.ds.destroy()
