"""For the tests of a project: what was sent, clients without a server, jobs without a worker.

=============================================  ========================================================================
``capture_notifications``                      the alerts that a block sends
``capture_publications``                       what a block publishes, on any channel
``assert_notified``, ``assert_not_notified``   whether somebody is sent an alert; a failure prints those that were sent
``connected``                                  a client of the hub in the test's own process
``drain_jobs``                                 runs the durable jobs that are owed
``choose_action``                              somebody chooses an action of an alert
``aassert_notified``, …                        the same for async tests
=============================================  ========================================================================

They work in ``TestCase``, ``TransactionTestCase`` and async tests, with ``manage.py test`` and pytest, in parallel,
and need no Redis and no broker. In a ``TestCase`` nothing is committed; what waits for the commit
(``transaction.on_commit``) runs where these functions say so. Importing this package loads no model.
``docs/howto/test-your-alerts.md`` has examples.
"""

from typing import TYPE_CHECKING

from hub.faces import exported

if TYPE_CHECKING:
    from hub.testing.choices import achoose_action, choose_action
    from hub.testing.client import CommandRefused, ConnectionEnded, HubClient, connected
    from hub.testing.jobs import DrainedJob, adrain_jobs, drain_jobs
    from hub.testing.mistakes import Misused
    from hub.testing.notifications import (
        aassert_not_notified,
        aassert_notified,
        assert_not_notified,
        assert_notified,
        capture_notifications,
    )
    from hub.testing.publications import Published, capture_publications

__all__ = [
    "CommandRefused",
    "ConnectionEnded",
    "DrainedJob",
    "HubClient",
    "Misused",
    "Published",
    "aassert_not_notified",
    "aassert_notified",
    "achoose_action",
    "adrain_jobs",
    "assert_not_notified",
    "assert_notified",
    "capture_notifications",
    "capture_publications",
    "choose_action",
    "connected",
    "drain_jobs",
]

__getattr__ = exported(
    __name__,
    {
        "CommandRefused": "client",
        "ConnectionEnded": "client",
        "DrainedJob": "jobs",
        "HubClient": "client",
        "Misused": "mistakes",
        "Published": "publications",
        "aassert_not_notified": "notifications",
        "aassert_notified": "notifications",
        "achoose_action": "choices",
        "adrain_jobs": "jobs",
        "assert_not_notified": "notifications",
        "assert_notified": "notifications",
        "capture_notifications": "notifications",
        "capture_publications": "publications",
        "choose_action": "choices",
        "connected": "client",
        "drain_jobs": "jobs",
    },
)
