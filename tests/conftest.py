"""What several test files need."""

import builtins
import sys

import pytest


@pytest.fixture(autouse=True)
def float32(monkeypatch):
    """Training takes one precision a process, and these tests share theirs."""
    monkeypatch.setattr("transformer.trainer.fast_precision", lambda: "no")


@pytest.fixture
def no_ipywidgets(monkeypatch):
    """As if the package ipywidgets were not installed."""
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name.startswith("ipywidgets"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "ipywidgets", raising=False)
