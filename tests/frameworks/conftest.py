"""The four examples in one process, guarded and enforcing."""

import importlib
import sys
from pathlib import Path

import pytest

from stagenorm import FixedModes, Mode, ModeState, ModeView

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("starlette_app", "fastapi_app", "flask_app", "django_app")


@pytest.fixture(params=NAMES, scope="session")
def example(request):
    """One example's module. Django is configured once a process, so each module is imported once, by its name."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        module = importlib.import_module(request.param)
    finally:
        sys.path.remove(str(EXAMPLES))
    module.boundary.modes = FixedModes(ModeView(ModeState(Mode.ENFORCE)))
    return module
