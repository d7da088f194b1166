"""``docs/client-connection.md`` lists exactly the methods and the types of publications of the apps."""

import re

from chat import events as chat_events
from hub.session import methods
from notifications import events as notification_events
from presence import events as presence_events
from tests.docs.documents import table
from worker import events as job_events

PAGE = "docs/client-connection.md"


def test_methods_are_those_that_the_apps_have_registered() -> None:
    documented = [method.strip("`") for method, *_ in table(PAGE, "method", "takes")]
    assert sorted(documented) == sorted(name for name in methods._methods if not name.startswith("tests."))


def test_types_and_keys_of_publications_are_those_of_the_code() -> None:
    published = [
        notification_events.NotificationCreated,
        notification_events.AlertsRead,
        notification_events.AlertsChanged,
        notification_events.AlertReturned,
        notification_events.AlertsWithdrawn,
        notification_events.ActionChosen,
        notification_events.TopicFollowed,
        notification_events.TopicUnfollowed,
        notification_events.PreferencesChanged,
        chat_events.MessagePosted,
        chat_events.MessagesRemoved,
        chat_events.PersonJoined,
        chat_events.PersonLeft,
        chat_events.PersonTyping,
        presence_events.OnlineCounted,
        job_events.JobChanged,
        job_events.JobProgressed,
        job_events.OperationsChanged,
        job_events.ScheduleChanged,
    ]
    documented = {
        kind: set(re.findall(r"`([a-z_]+)`", keys))
        for kinds, _, keys in table(PAGE, "`type`", "in")
        for kind in re.findall(r"`([\w.]+)`", kinds)
    }
    assert documented == {str(message.__struct_config__.tag): set(message.__struct_fields__) for message in published}
