"""Reads of the notifications app."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, NamedTuple

from django.db.models import Count, Q

from hub import streams
from hub.channels import LAST_ID
from hub.streams import Position
from hub.users import Key, Visitor
from notifications import channels
from notifications.events import InboxCounts
from notifications.inbox import listing, reading
from notifications.inbox.reading import Question
from notifications.kinds.declaring import declared
from notifications.models import Follow, Notification, Topic
from notifications.preferences.subjects import kinds_in

#: Unread alerts that are looked at for their categories.
CATEGORISED = 1000

#: Below it a count is exact; it says that there are so many or more. Counting on would cost more the longer somebody
#: has been away (docs/decisions/064-counts-are-exact-up-to-99.md).
UNREAD_LIMIT = 100


@dataclass(frozen=True, slots=True)
class InboxPage:
    """A part of somebody's alerts, newest first.

    Args:
        alerts: each with ``read``.
        more: whether there are older ones.
        unread: :func:`unread_count`.
        positions: where the person's channels stood before the alerts were read. Whoever goes on live from there
            misses none; one that came in between is in both.
    """

    alerts: list[Notification]
    more: bool
    unread: int
    positions: dict[str, Position]


@dataclass(frozen=True, slots=True)
class InboxPart:
    """A part of somebody's inbox, newest first.

    Args:
        alerts: each with what the person has done with it.
        next: the ``before`` of the part that follows; 0 where nothing follows. A search looks at about
            :data:`SEARCHED` alerts at a time, those under rows of several among them, so a part may have few or none,
            and be followed by others.
        counts: of the whole inbox.
        positions: as of :class:`InboxPage`.
    """

    alerts: list[Notification]
    next: int
    counts: InboxCounts
    positions: dict[str, Position]


#: Which alerts a part of the inbox has; ``all`` are those that are neither archived nor snoozed.
State = Literal["all", "unread", "read", "archived", "snoozed"]

_WANTED: dict[State, reading.Wanted] = {
    "all": reading.INBOX,
    "unread": reading.UNREAD,
    "read": reading.READ,
    "archived": reading.ARCHIVED,
    "snoozed": reading.SNOOZED,
}

#: The counts of an inbox, in the order of :class:`~notifications.events.InboxCounts`.
_COUNTED = tuple(Question(one, UNREAD_LIMIT) for one in (reading.UNREAD, reading.ARCHIVED, reading.SNOOZED))

#: Characters of what is searched for, and of the name of a category.
SEARCH_LIMIT, CATEGORY_LIMIT = 100, 100

#: Alerts that one search looks at, and how many of them at once.
SEARCHED, _STEP = 1000, 200


def inbox_for(
    user: Visitor,
    *,
    state: State = "all",
    level: str = "",
    category: str = "",
    text: str = "",
    before: int = LAST_ID,
    limit: int,
) -> InboxPart:
    """The newest ``limit`` alerts of ``user`` in this state that are older than the id ``before``.

    Args:
        level: only those of this level.
        category: only those of kinds of this category.
        text: only those with all of its words in their title, message or topic, whatever the case. A row that stands
            for several is found by any of the newest :data:`SEARCHED` of them, which it counts (``found_under``).
    """
    reader = reading.reader(user.pk)
    positions = streams.positions(_channels_of(user, reader))
    wanted, search = _WANTED[state], _Search(level, category, tuple(text.casefold().split()))
    is_search = search != _Search()
    newest = Question(wanted, _STEP if is_search else limit + 1, before - 1)
    ids, *counted = reading.find(reader, newest, *_COUNTED)
    counts = _counts(reader, *counted)
    if not is_search:
        alerts = listing.listed(reader, ids[:limit])
        return InboxPart(alerts, ids[limit - 1] if len(ids) > limit else 0, counts, positions)
    found, left, under = list[int](), SEARCHED, dict[int, int]()
    while True:
        heads = listing.worded(reader, ids, of=search.level_and_kinds)
        part = _within(heads, left) if search.words else heads
        under |= _found_under(reader, part, search)
        found += [alert.pk for alert in part if search.finds(alert) or alert.pk in under]
        left -= len(ids) + sum(map(_looked_at, part))
        if len(found) > limit:
            return InboxPart(_listed(reader, found[:limit], under), found[limit - 1], counts, positions)
        if len(part) < len(heads):
            return InboxPart(_listed(reader, found, under), part[-1].pk, counts, positions)
        if len(ids) < _STEP or left <= 0:
            next_one = ids[-1] if len(ids) == _STEP else 0
            return InboxPart(_listed(reader, found, under), next_one, counts, positions)
        (ids,) = reading.find(reader, newest._replace(upto=ids[-1] - 1))


def _within(heads: Sequence[Notification], limit: int) -> Sequence[Notification]:
    """The first of these, which stand for ``limit`` alerts together at most; the very first in any case."""
    for number, looked_at in enumerate(accumulate(map(_looked_at, heads))):
        if looked_at > limit:
            return heads[: max(number, 1)]
    return heads


def _looked_at(head: Notification) -> int:
    """How many of those for which it stands a search looks at: the newest of very many, and none where it is alone."""
    return min(head.bundle_count, SEARCHED) if head.bundle_count > 1 else 0


def _found_under(reader: reading.Reader, heads: Sequence[Notification], search: "_Search") -> dict[int, int]:
    """How many of the alerts for which each of these stands are looked for, by its id; where there are some.

    No query where these are single alerts.
    """
    head_of = {head.bundle: head.pk for head in heads if head.bundle is not None and head.bundle_count > 1}
    if not (head_of and search.words):
        return {}
    # Of all columns the index has these two alone: a bundle may be of ten thousand.
    newest = Notification.objects.filter(bundle__in=head_of).order_by("-pk").values_list("pk", flat=True)
    most = sum(map(_looked_at, heads))
    alone = listing.worded_alone(reader, list(newest[:most]), of=search.level_and_kinds)
    return Counter(head_of[row.bundle] for row in alone if row.bundle is not None and search.finds(row))


def _listed(reader: reading.Reader, ids: Sequence[int], under: Mapping[int, int]) -> list[Notification]:
    rows = listing.listed(reader, ids)
    for row in rows:
        row.found_under = under.get(row.pk, 0)
    return rows


class _Search(NamedTuple):
    """What alerts are looked for: an empty one finds all."""

    level: str = ""
    category: str = ""
    words: tuple[str, ...] = ()

    @property
    def level_and_kinds(self) -> Q:
        """What of it the database can tell."""
        which = Q(level=self.level) if self.level else Q()
        if self.category:
            which &= Q(kind__in=[kind.name for kind in kinds_in(self.category)])
        return which

    def finds(self, alert: Notification) -> bool:
        said = f"{alert.title}\n{alert.message}\n{alert.topic.title if alert.topic else ''}".casefold()
        return all(word in said for word in self.words)


def counts_for(user: Visitor) -> InboxCounts:
    """How many alerts ``user`` has unread, archived and snoozed, each counted to :data:`UNREAD_LIMIT`."""
    return counts_of(reading.reader(user.pk))


def counts_of(reader: reading.Reader) -> InboxCounts:
    """:func:`counts_for`, of a person who was looked up already."""
    return _counts(reader, *reading.find(reader, *_COUNTED))


def _counts(reader: reading.Reader, unread: list[int], archived: list[int], snoozed: list[int]) -> InboxCounts:
    return InboxCounts(len(unread), len(archived), len(snoozed), _by_category(reader, unread))


def _by_category(reader: reading.Reader, unread: list[int]) -> dict[str, int]:
    """How many unread alerts each category has; ``unread`` are the newest. No query where no kind has a category."""
    category_of = {kind.name: kind.category.name for kind in declared() if kind.category is not None}
    if not (unread and category_of):
        return {}
    if len(unread) >= UNREAD_LIMIT:
        unread = reading.unread_ids(reader, limit=CATEGORISED)
    found: Counter[str] = Counter()
    rows = Notification.objects.filter(pk__in=unread, kind__in=category_of).values_list("kind")
    for kind, number in rows.annotate(number=Count("pk")).order_by():
        found[category_of[kind]] += number
    return {name: min(number, UNREAD_LIMIT) for name, number in sorted(found.items())}


def page_for(user: Visitor, *, before: int = LAST_ID, limit: int) -> InboxPage:
    """The newest ``limit`` alerts for ``user`` (guests: those to everyone) that are older than the id ``before``."""
    reader = reading.reader(user.pk)
    positions = streams.positions(_channels_of(user, reader))
    ids, unread = reading.find(
        reader, Question(reading.INBOX, limit + 1, before - 1), Question(reading.UNREAD, UNREAD_LIMIT)
    )
    return InboxPage(listing.listed(reader, ids[:limit]), len(ids) > limit, len(unread), positions)


def _channels_of(user: Visitor, reader: reading.Reader) -> list[str]:
    if user.pk is None:
        return [channels.everyone]
    of_groups = map(channels.of_group, reader.group_ids)
    of_topics = (channels.of_topic(topic.name) for topic in reader.topics)
    return [channels.everyone, channels.of_user(user), *of_groups, *of_topics]


def latest_for(user: Visitor, limit: int = 50) -> list[Notification]:
    """The newest alerts that are for ``user`` (guests: those to everyone), newest first, each with ``read``."""
    reader = reading.reader(user.pk)
    return listing.listed(reader, reading.newest_ids(reader, before=LAST_ID, limit=limit))


def unread_count(user: Visitor) -> int:
    """How many alerts ``user`` has not read, counted up to :data:`UNREAD_LIMIT`; guests have none.

    What was sent to a group or to everyone before the account was made is nobody's unread alert, nor is what was sent
    to a group or a topic before they joined or followed it.
    """
    return len(reading.unread_ids(reading.reader(user.pk), limit=UNREAD_LIMIT))


def cursor_for(user: Visitor) -> str:
    """Where the channels of ``user`` stand now. Read it before the list, so that no alert falls between the two."""
    return streams.cursor_at(channels.followed_by(user))


def topics_for(user: Visitor) -> list[Topic]:
    """The topics that ``user`` may know of, by title, each with ``followed``: open ones, and those they follow."""
    mine = set(Follow.objects.filter(user=user.pk).values_list("topic", flat=True)) if user.pk is not None else set()
    topics = list(Topic.objects.filter(Q(is_open=True) | Q(pk__in=mine)))
    for topic in topics:
        topic.followed = topic.pk in mine
    return topics


def may_follow_topics(asked: Iterable[tuple[str, Key]]) -> dict[tuple[str, Key], bool]:
    """Whether each of these users (by key) may receive the topic of this name: it is open, or they follow it."""
    asked = list(asked)
    names = {name for name, _ in asked}
    opened = set(Topic.objects.filter(name__in=names, is_open=True).values_list("name", flat=True))
    rows = Follow.objects.filter(topic__name__in=names - opened, user__in={key for _, key in asked})
    followed = set(rows.values_list("topic__name", "user"))
    return {(name, key): name in opened or (name, key) in followed for name, key in asked}
