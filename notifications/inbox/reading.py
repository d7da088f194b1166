"""Which alerts are for a person, and what the person has done with them.

Read is what is not newer than the person's :class:`~notifications.models.ReadUpTo`, what has a
:class:`~notifications.models.ReadMark`, what was sent to a group or to everyone before the account was made (where the
user model says when that was), and what was sent to a group or a topic before the person joined or followed it. Of
what was distributed to many the person's own :class:`~notifications.models.InboxEntry` says it, and nothing else.

A :class:`~notifications.models.NotificationState` may say that it is unread all the same, or that it is archived or
snoozed. What is archived or snoozed is read by the rules above (:mod:`notifications.inbox.organizing`), so that
looking for what is unread need not pass over it.

What a person has switched off for their list, or the kind has off by default, is not for them, although it was sent to
all of a group, a topic or everyone, or is of no kind: there is a condition more in each part then.

Alerts are found by SQL, of PostgreSQL and SQLite alike: each audience is a walk through an index from its newest end,
which stops when enough is found. One ``OR`` over all of them would read the alerts of all other people, and Django's
``union()`` takes no parts with a limit on SQLite.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from django.db import connection

from hub.channels import LAST_ID
from hub.users import Key, all_users, as_stored, joined_field, memberships
from notifications.kinds.declaring import have_past
from notifications.preferences.subjects import Made, hidden_kinds

#: Audiences that one statement looks at: SQLite takes no more than 500 parts.
PARTS = 100

# PostgreSQL recognises the order of an index only where the columns that are NULL are named too.
_PART = """
    SELECT {question} AS question, {name}.* FROM (
        SELECT alert.id FROM hub_notifications_notification alert
        WHERE {audience} AND NOT alert.folded AND alert.id <= {upto}
            AND (alert.expires_at IS NULL OR alert.expires_at > {now}) AND {wanted} {chosen}
        ORDER BY {order}, alert.id DESC LIMIT {limit}
    ) {name}
"""

# What was distributed to the person: their entries, those that are unread or those that are read, each a part of one
# index (``notifications.models.inbox.entry_place``). Of the few that are being withdrawn the alert is gone already,
# and those that have expired are few until they are withdrawn.
_ENTRIES = """
    SELECT {question} AS question, {name}.* FROM (
        SELECT entry.notification_id FROM hub_notifications_inboxentry entry
        WHERE entry.user_id = %(user)s AND {place} BETWEEN {first} AND {last}
            AND entry.notification_id NOT IN (SELECT notification_id FROM hub_notifications_withdrawal)
            AND entry.notification_id NOT IN (SELECT id FROM hub_notifications_notification WHERE expires_at <= {now})
            {chosen}
        ORDER BY entry.user_id {order}, {place} {order} LIMIT {limit}
    ) {name}
"""
_PLACE = "(CASE WHEN entry.read_at IS NULL THEN entry.notification_id ELSE (-entry.notification_id) END)"

# By rows that the person has of single alerts: states, of which there is an index for each place, or marks, of which
# few are kept. An alert may be theirs no more: they have left the group or the topic, or their entry is gone.
_ROWS = """
    SELECT {question} AS question, {name}s.* FROM (
        SELECT {name}.notification_id FROM {rows} {name}
        JOIN hub_notifications_notification alert ON alert.id = {name}.notification_id
        WHERE {name}.user_id = %(user)s AND {name}.notification_id <= {upto} AND {wanted} AND ({theirs})
            AND NOT alert.folded AND (alert.expires_at IS NULL OR alert.expires_at > {now}) {chosen}
        ORDER BY {name}.user_id, {name}.notification_id DESC LIMIT {limit}
    ) {name}s
"""

_STATES = {"rows": "hub_notifications_notificationstate", "name": "state"}
_MARKS = {"rows": "hub_notifications_readmark", "name": "mark"}

_THEIRS = """
    alert.user_id = %(user)s
    OR alert.user_id IS NULL AND alert.group_id IS NULL AND alert.topic_id IS NULL AND alert.audience = ''
    OR alert.group_id IN ({groups}) OR alert.topic_id IN ({topics})
    OR alert.audience <> '' AND EXISTS (
        SELECT 1 FROM hub_notifications_inboxentry entry
        WHERE entry.user_id = %(user)s AND entry.notification_id = alert.id
    )
"""

# Of what was distributed, kinds were looked at when it was: only what is of no kind is left to be.
_ENTRY_OF_KIND = """
    AND NOT EXISTS (
        SELECT 1 FROM hub_notifications_notification alert WHERE alert.id = entry.notification_id AND alert.kind = ''
    )
"""

# Behind COALESCE, because PostgreSQL would make a join of a bare NOT EXISTS, and read far more than is wanted.
_MARKED = """
    COALESCE(EXISTS (
        SELECT 1 FROM hub_notifications_readmark mark
        WHERE mark.user_id = %(user)s AND mark.notification_id = alert.id
    ), FALSE)
"""
_WITHOUT_STATE = """
    NOT COALESCE(EXISTS (
        SELECT 1 FROM hub_notifications_notificationstate state
        WHERE state.user_id = %(user)s AND state.notification_id = {id} AND ({state})
    ), FALSE)
"""
#: Not in the inbox.
_AWAY = "state.archived_at IS NOT NULL OR state.snoozed_until IS NOT NULL"


class Wanted(NamedTuple):
    """Which alerts are looked for: conditions for rows of alerts, states and marks, and which entries.

    Where one is empty, there is nothing to look for among these. ``past`` is for alerts from before the person came,
    of kinds that later people get too. ``without`` is what the state of alerts, entries and marks must not be.
    """

    alerts: str = ""
    entries: tuple[Literal["unread", "read"], ...] = ()
    states: str = ""
    marks: str = ""
    without: str = ""
    past: str = ""


#: Those in the inbox, read or not.
INBOX = Wanted("TRUE", ("unread", "read"), without=_AWAY)

UNREAD = Wanted(
    f"alert.id > {{floor}} AND NOT {_MARKED}",
    ("unread",),
    "state.unread AND state.archived_at IS NULL AND state.snoozed_until IS NULL",
    past=f"alert.past AND alert.id > {{past}} AND alert.id <= {{floor}} AND NOT {_MARKED}",
)
READ = Wanted(
    "alert.id <= {floor} AND (NOT alert.past OR alert.id <= {past})",
    ("read",),
    marks="TRUE",
    without=f"state.unread OR {_AWAY}",
)
ARCHIVED = Wanted(states="state.archived_at IS NOT NULL")
SNOOZED = Wanted(states="state.snoozed_until IS NOT NULL")


class Question(NamedTuple):
    """The newest ``limit`` alerts that are ``wanted``, of those that are not newer than ``upto``."""

    wanted: Wanted
    limit: int
    upto: int = LAST_ID


class Joined(NamedTuple):
    """A group or a topic of a person, and up to where all is read of what was sent to it.

    ``past`` is the same of kinds that later people get too. Groups have no name here.
    """

    id: int
    name: str
    read: int
    past: int


@dataclass(frozen=True, slots=True)
class Reader:
    """A person, and what decides which alerts are for them and which of those are read.

    Args:
        key: of the user; None for a guest, who gets all that is sent to everyone, and has nothing unread.
        groups: those that they are in.
        topics: what they follow.
        own: up to where all is read of what was sent to the person.
        shared: up to where all is read of what was sent to everyone.
        past: the same, of kinds whose past is for later people too.
        states: whether there are states of the person that lists have to look at.
        hidden: the kinds that are off for the person's list, by name; ``""`` is no kind.
    """

    key: Key = None
    groups: Sequence[Joined] = ()
    topics: Sequence[Joined] = ()
    own: int = LAST_ID
    shared: int = LAST_ID
    past: int = LAST_ID
    states: bool = False
    hidden: frozenset[str] = frozenset()

    @property
    def group_ids(self) -> list[int]:
        """The ids of their groups."""
        return [group.id for group in self.groups]


# Written as SQL, and as one statement, because every list begins with it.
_UPTO = """
    SELECT 0 AS what, upto AS id, '' AS name, members_upto AS after, follows_upto AS number
    FROM hub_notifications_readupto WHERE user_id = %(user)s
"""
_SENT_BEFORE = """
    SELECT 1, (
        SELECT id FROM hub_notifications_notification WHERE created_at < person.{joined}
        ORDER BY created_at DESC, id DESC LIMIT 1
    ), '', 0, 0
    FROM {people} person WHERE person.{key} = %(user)s
"""
_GROUPS = """
    SELECT 2, member.{group_column}, '', {after}, {number} FROM {table} member WHERE member.{user_column} = %(user)s
"""
# What was sent before the person joined the group: an index has these in the order in which people joined.
_AFTER = """(
    SELECT alert.id FROM hub_notifications_notification alert
    WHERE alert.group_id = member.{group_column} AND alert.members_upto < member.{number_column}
    ORDER BY alert.members_upto DESC, alert.id DESC LIMIT 1
)"""
_TOPICS = """
    SELECT 3, topic.id, topic.name, follow.after, follow.id
    FROM hub_notifications_follow follow JOIN hub_notifications_topic topic ON topic.id = follow.topic_id
    WHERE follow.user_id = %(user)s
"""
# What was only seen makes no difference to a list.
_STATE = """
    SELECT 4, 1, '', 0, 0 WHERE EXISTS (
        SELECT 1 FROM hub_notifications_notificationstate WHERE user_id = %(user)s
            AND unread AND archived_at IS NULL AND snoozed_until IS NULL
    ) OR EXISTS (
        SELECT 1 FROM hub_notifications_notificationstate WHERE user_id = %(user)s AND archived_at IS NOT NULL
    ) OR EXISTS (
        SELECT 1 FROM hub_notifications_notificationstate WHERE user_id = %(user)s AND snoozed_until IS NOT NULL
    )
"""
_CHOICES = """
    SELECT 5, CASE WHEN is_on THEN 1 ELSE 0 END, subject, 0, 0
    FROM hub_notifications_choice WHERE user_id = %(user)s AND method = 'inbox' AND is_on IS NOT NULL
"""


def reader(key: Key) -> Reader:
    """What the database says of the user with this key now; one query, none for a guest."""
    if key is None:
        return Reader()
    (user,) = as_stored([key])
    with connection.cursor() as cursor:
        cursor.execute(f"{' UNION ALL '.join(_of_person())} ORDER BY 1, 2", {"user": user})
        rows = cursor.fetchall()
    upto, shared = (max((pk or 0 for what, pk, *_ in rows if what in kinds), default=0) for kinds in ({0}, {0, 1}))
    members_upto, follows_upto = next((row[3:] for row in rows if row[0] == 0), (0, 0))
    has_past = have_past()

    def floors(after: int | None, *, is_later: bool) -> tuple[int, int]:
        read = max(shared, after or 0)
        return read, (0 if is_later else upto) if has_past else read

    groups, topics = (
        tuple(
            Joined(pk, name, *floors(after, is_later=number > newest))
            for what, pk, name, after, number in rows
            if what == kind
        )
        for kind, newest in ((2, members_upto), (3, follows_upto))
    )
    hidden = hidden_kinds({subject: Made(bool(on)) for what, on, subject, *_ in rows if what == 5})
    past = upto if has_past else shared
    return Reader(key, groups, topics, upto, shared, past, any(what == 4 for what, *_ in rows), hidden)


def _of_person() -> Iterator[str]:
    quote = connection.ops.quote_name
    yield _UPTO
    if joined := joined_field():
        field: Any = all_users().model._meta.get_field(joined)
        people = field.model._meta  # a parent of the user model, where that has the field
        names = {"joined": field.column, "people": people.db_table, "key": people.pk.column}
        yield _SENT_BEFORE.format(**{name: quote(value) for name, value in names.items()})
    if groups := memberships():
        named = ("table", "user_column", "group_column", "number_column")
        columns = {name: quote(getattr(groups, name)) for name in named}
        after = _AFTER.format(**columns) if groups.number_column else 0
        number = f"member.{columns['number_column']}" if groups.number_column else 0
        yield _GROUPS.format(**columns, after=after, number=number)
    yield _TOPICS
    yield _STATE
    yield _CHOICES


def unread_ids(reader: Reader, *, limit: int, upto: int = LAST_ID) -> list[int]:
    """Alerts for the reader, not newer than ``upto``, that are not read: the newest ``limit`` of them."""
    (found,) = find(reader, Question(UNREAD, limit, upto))
    return found


def newest_ids(reader: Reader, *, before: int, limit: int) -> list[int]:
    """The newest alerts in the reader's inbox that are older than ``before``: newest first."""
    (found,) = find(reader, Question(INBOX, limit, before - 1))
    return found


def find(reader: Reader, *questions: Question) -> list[list[int]]:
    """The ids that answer each question, newest first; one statement, if the reader has not very many lists."""
    parts = [part for number, question in enumerate(questions) for part in _parts(number, question, reader)]
    found: list[set[int]] = [set() for _ in questions]
    (user,) = as_stored([reader.key])
    for start in range(0, len(parts), PARTS):
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts[start : start + PARTS]), {"user": user})
            for number, one in cursor.fetchall():
                found[number].add(one)
    return [sorted(ids, reverse=True)[: one.limit] for ids, one in zip(found, questions, strict=True)]


def _parts(number: int, question: Question, reader: Reader) -> Iterator[str]:
    """The parts of a statement that answer the question, audience by audience."""
    wanted = question.wanted
    here = _without(wanted, reader, "alert.id")
    asked: dict[str, Any] = {
        "question": number,
        "limit": int(question.limit),
        "upto": int(question.upto),
        "now": _now(),
    }
    if reader.key is not None:
        of_kind = _ENTRY_OF_KIND if "" in reader.hidden else ""
        chosen = of_kind + _without(wanted, reader, "entry.notification_id")
        for which in wanted.entries:
            yield _part_of_entries(which, int(question.upto), chosen, asked)
        if wanted.states and reader.states:
            yield _ROWS.format(
                **_STATES, wanted=wanted.states, theirs=_theirs(reader), chosen=_of_rows(reader), **asked
            )
        if wanted.marks:
            yield _ROWS.format(
                **_MARKS, wanted=wanted.marks + here, theirs=_theirs(reader), chosen=_of_rows(reader), **asked
            )
    if not wanted.alerts or (reader.key is None and wanted is UNREAD):
        return
    if reader.key is not None:
        own = wanted.alerts.format(floor=int(reader.own), past=LAST_ID) + here
        audience = "alert.user_id = %(user)s"
        chosen = "AND alert.kind <> ''" if "" in reader.hidden else ""
        yield _PART.format(
            audience=audience, wanted=own, order="alert.user_id", name="own_ones", chosen=chosen, **asked
        )
    asked["chosen"] = f"AND {_not_hidden(reader)}" if reader.hidden else ""
    many = [("of_everyone", "IS NULL", "IS NULL", reader.shared, reader.past)]
    many += [(f"of_group_{int(one.id)}", f"= {int(one.id)}", "IS NULL", one.read, one.past) for one in reader.groups]
    many += [(f"of_topic_{int(one.id)}", "IS NULL", f"= {int(one.id)}", one.read, one.past) for one in reader.topics]
    for name, group, topic, read, past in many:
        floors = {"floor": int(read), "past": int(past)}
        yield _part_of_many(name, group, topic, wanted.alerts.format(**floors) + here, asked)
        if wanted.past and past < read:
            yield _part_of_many(f"{name}_past", group, topic, wanted.past.format(**floors) + here, asked)


def _part_of_entries(which: Literal["unread", "read"], upto: int, chosen: str, asked: dict[str, Any]) -> str:
    """The newest are at the end of those that are unread, and at the beginning of those that are read."""
    ends = (
        {"first": 1, "last": upto, "order": "DESC"} if which == "unread" else {"first": -upto, "last": -1, "order": ""}
    )
    return _ENTRIES.format(name=f"{which}_entries", place=_PLACE, chosen=chosen, **ends, **asked)


def _without(wanted: Wanted, reader: Reader, column: str) -> str:
    """The condition that the alert with the id in this column has no state that is not wanted."""
    if not wanted.without or not reader.states:
        return ""
    return f" AND {_WITHOUT_STATE.format(id=column, state=wanted.without)}"


def _theirs(reader: Reader) -> str:
    groups = ", ".join(map(str, map(int, reader.group_ids))) or "NULL"
    topics = ", ".join(str(int(topic.id)) for topic in reader.topics) or "NULL"
    return _THEIRS.format(groups=groups, topics=topics)


def _not_hidden(reader: Reader) -> str:
    """The condition that an alert which many share is of no kind that the reader has switched off."""
    quoted = (name.replace("'", "''").replace("%", "%%") for name in sorted(reader.hidden))
    return "alert.kind NOT IN ({})".format(", ".join(f"'{name}'" for name in quoted))


def _of_rows(reader: Reader) -> str:
    """The condition for rows of the reader, whose alerts are of all sorts."""
    if not reader.hidden:
        return ""
    of_one = "alert.kind <> ''" if "" in reader.hidden else "TRUE"
    return (
        f"AND (CASE WHEN alert.user_id IS NULL AND alert.audience = '' THEN {_not_hidden(reader)} ELSE {of_one} END)"
    )


def _part_of_many(name: str, group: str, topic: str, wanted: str, asked: dict[str, Any]) -> str:
    return _PART.format(
        audience=f"alert.group_id {group} AND alert.topic_id {topic} AND alert.user_id IS NULL"
        " AND alert.audience = ''",
        wanted=wanted,
        order="alert.group_id, alert.topic_id, alert.user_id, alert.audience",
        name=name,
        **asked,
    )


def _now() -> str:
    """The time of the database, in SQL: as ``Now()`` of Django."""
    if connection.vendor == "sqlite":
        return "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')"
    return "STATEMENT_TIMESTAMP()"
