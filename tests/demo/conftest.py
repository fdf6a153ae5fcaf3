import pytest

from lingxiu.demo.shapes import CountyShapes, build_county

SEED = 330421


@pytest.fixture(scope="session")
def shapes() -> CountyShapes:
    return build_county(SEED)
