import subprocess
import sys


def test_metrics_load_neither_torch_nor_a_tracker():
    code = "import sys, rlhf.metrics; print([m for m in ('torch', 'numpy', 'tensorboard', 'wandb', 'trackio', 'mlflow', 'rich') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "[]\n"
