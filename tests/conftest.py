"""Shared by all tests: async tests run on asyncio, and nothing reaches for the hub."""

import os

import pytest
from hypothesis import settings

# How long an example takes depends on the machine; speed is measured in benchmarks/, not here.
settings.register_profile("longthought", deadline=None)
settings.load_profile("longthought")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture
def anyio_backend():
    return "asyncio"
