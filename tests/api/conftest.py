import pytest
from asgiref.sync import sync_to_async

import hub.urls  # noqa: F401  # registers the methods
from hub.api import keys
from hub.channels import Namespace
from tests.api.calling import Api, key_for
from tests.support.namespaces import declare_for_all

#: What the tests publish to: one that is kept, with presence, and one that is live only.
declare_for_all(Namespace("kept", presence=True))
declare_for_all(Namespace("live", durable=False))
declare_for_all(Namespace("hidden", single=True, internal=True))


@pytest.fixture(autouse=True)
def no_key_is_remembered(transactional_db: None) -> None:
    keys.forget()


@pytest.fixture
async def api(transactional_db: None) -> Api:
    """A program whose key may do everything."""
    return Api(await sync_to_async(key_for)())
