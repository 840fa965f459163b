import numpy as np
import pytest

from memr_cli.learning.pooled import PooledInputs


@pytest.fixture
def blobs() -> PooledInputs:
    """120 rows of 5 dims in 3 classes that lie apart, but not entirely."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 120)
    features = rng.normal(size=(120, 5)) + 1.2 * np.eye(3, 5)[labels]
    return PooledInputs(features.astype(np.float32), labels.astype(np.int32), 3)
