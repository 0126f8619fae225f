"""Shared by all tests: async tests run on asyncio, and nothing reaches for the hub."""

import os
import uuid

import pytest
from hypothesis import settings

# How long an example takes depends on the machine; speed is measured in benchmarks/, not here.
settings.register_profile("longthought", deadline=None)
settings.load_profile("longthought")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Read by Ray when it is imported; the token of these tests is their own and is written nowhere.
os.environ["RAY_AUTH_MODE"] = "token"
os.environ["RAY_AUTH_TOKEN"] = uuid.uuid4().hex


@pytest.fixture
def anyio_backend():
    return "asyncio"
