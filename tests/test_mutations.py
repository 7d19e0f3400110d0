"""Every planted fault can still be planted; `tests/mutations/run.py` says which of them the tests notice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "mutations"))

from lists import FAULTS  # noqa: E402 - lies beside the runner


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.about)
def test_the_fault_can_be_planted(fault) -> None:
    assert (ROOT / fault.file).read_text(encoding="utf-8").count(fault.right) == 1
    assert fault.right != fault.wrong
    for test in fault.tests:
        assert (ROOT / test.partition("::")[0]).is_file()
