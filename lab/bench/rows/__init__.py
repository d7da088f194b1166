"""One file per row of the table. Each has ``measure(bench)``, which returns the lines it adds."""

from collections.abc import Awaitable, Callable

from lab.bench.lines import Line
from lab.bench.rows import (
    burst,
    chat,
    connects,
    fanout,
    group_send,
    growth,
    hub_socket,
    inbox,
    jobs,
    keys,
    memory,
    notify,
    one_alert,
    personal,
    publish,
    queues,
    save,
    schedules,
    storm,
)
from lab.bench.run import Bench

#: By the name in ``--rows``, in the order of the table.
ROWS: dict[str, Callable[[Bench], Awaitable[list[Line]]]] = {
    "burst": burst.measure,
    "one-alert": one_alert.measure,
    "group-send": group_send.measure,
    "personal": personal.measure,
    "fanout": fanout.measure,
    "chat": chat.measure,
    "connects": connects.measure,
    "keys": keys.measure,
    "storm": storm.measure,
    "hub-socket": hub_socket.measure,
    "memory": memory.measure,
    "publish": publish.measure,
    "save": save.measure,
    "growth": growth.measure,
    "inbox": inbox.measure,
    "notify": notify.measure,
    "queues": queues.measure,
    "jobs": jobs.measure,
    "schedules": schedules.measure,
}

#: Those that are measured only where they are asked for: they take minutes, each.
BY_NAME = frozenset({"jobs", "keys", "schedules"})
