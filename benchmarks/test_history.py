"""The cases of ratios.py under pytest-benchmark, for history: run with ``pytest benchmarks``."""

import pytest
from cases import cases


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name.replace(" / ", " against "))
def test_case(benchmark, case):
    benchmark(case.measured)
