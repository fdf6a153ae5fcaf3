"""A short, seeded run of the fuzz target; the long one is `python -m tests.hj212.fuzz --bytes 10000000`."""

import pytest

from tests.hj212.fuzz import fuzz
from tests.hj212.test_packets import FILE


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fuzzed_bytes_give_frames_and_typed_errors_and_nothing_else(seed: int) -> None:
    tally = fuzz(60_000, seed)
    assert tally.given >= 60_000
    assert tally.frames > 100
    assert tally.refused > 10


@pytest.mark.skipif(not FILE.exists(), reason="the packets file is not beside the repository")
def test_real_packets_fuzzed() -> None:
    assert fuzz(60_000, 4, FILE).frames > 100
