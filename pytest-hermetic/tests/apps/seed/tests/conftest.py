import pytest

client = pytest.fixture(lambda hermetic_test_client: hermetic_test_client, name="client")
async_client = pytest.fixture(lambda hermetic_client: hermetic_client, name="async_client")
