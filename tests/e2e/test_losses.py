"""An engine's process and a verifier's process are killed while training goes on."""

import json
import os
import signal

import psutil

from tests.e2e.runs import Run, metrics, write_recipe


def test_training_goes_on_when_an_engine_and_a_verifier_are_killed(tmp_path):
    recipe = write_recipe(
        tmp_path,
        rollout={"engines": 2, "max_response_tokens": 32, "kv_cache_gib": 0.1},
        trainer={"steps": 12, "prompts_per_step": 8, "max_staleness": 2, "checkpoint_every": 0},
    )
    run = Run(recipe)
    run.until("step 2/12")
    engines = run.engines()
    assert len(engines) == 2, "\n".join(f"{p.pid} of {p.ppid()}: {p.cmdline()}" for p in run.processes())
    os.kill(engines[0].pid, signal.SIGKILL)
    for worker in [
        p for p in run.named("verifiers.pool.worker") if p.parent() and "verifiers.pool.worker" not in str(p.parent())
    ]:
        try:
            worker.kill()
        except psutil.NoSuchProcess:
            continue  # a standby that was replaced meanwhile
    code = run.end()
    assert code == 0, run.text
    assert "was lost" in run.text
    assert "replacing it" in run.text
    rows = metrics(tmp_path / "runs" / "e2e")
    assert rows[-1]["step"] == 12
    assert rows[-1]["engines/lost"] == 1
    for row in rows[1:]:
        places = ("trained", "in_flight", "buffered", "returned", "dropped")
        assert row["prompts/handed_out"] == sum(row[f"prompts/{place}"] for place in places)
    assert json.loads((tmp_path / "runs" / "e2e" / "summary.json").read_text())["status"] == "finished"
    assert run.left_behind() == []
