"""What people have chosen of kinds, read for many of them at once when something is sent.

A person chooses for a kind or for a category, which is for all kinds in it, also those that come later. What is
chosen for the kind goes first; without a choice the kind says it (``defaults``).

What is of no kind and has no ``group_by``, and what goes to everyone, a group or a topic, is not looked at here: it
costs no query. Lists leave out what the person does not want (:mod:`notifications.inbox.reading`), and clients are
silent (:mod:`notifications.preferences.heeding`).
"""

from collections.abc import Collection, Iterable, Sequence

from hub.users import Key, User
from notifications.bundle_names import of_bundle
from notifications.kinds.declaring import Kind, kind_named
from notifications.models import Choice, Notification
from notifications.preferences.methods import INBOX, LIVE, method_named
from notifications.preferences.quiet_hours import in_quiet_hours
from notifications.preferences.subjects import Made, default_of, is_fixed, is_on, subjects_of


def chosen_by(kind: Kind, method: str, people: Collection[Key]) -> set[Key]:
    """Those of these users, by key, who want ``kind`` by this method, and want it at all.

    One query, none where nobody can choose.
    """
    asked = [name for name in {INBOX.name, method} if not is_fixed(kind, name)]
    return set(people) - _off(kind, asked, people).keys() if asked else set(people)


def who_wants(kind: str, *, by: str, among: Iterable[User]) -> list[User]:
    """Those of these users, in their order, who want notifications of this kind by this delivery method.

    One query, none where nobody can choose.

    Raises:
        LookupError: there is no such kind, or no such method.
    """
    found, users = kind_named(kind), list(among)
    if found is None:
        raise LookupError(f"No app declares a kind {kind!r}.")
    if method_named(by) is None:
        raise LookupError(f"There is no delivery method {by!r}: call delivery_method() in ready().")
    wanted = chosen_by(found, by, [user.pk for user in users])
    return [user for user in users if user.pk in wanted]


def heard_by(row: Notification, people: Collection[Key]) -> dict[Key, bool]:
    """Who of these users is to get the notification, by key, in order: whether it comes to them silently.

    That is as they have chosen for its kind, and in their quiet hours. Two queries, and one of time zones where some
    have quiet hours; none where it is of no kind or of a critical one.
    """
    kind = kind_named(row.kind) if row.kind else None
    if kind is None or kind.critical or not people:
        return dict.fromkeys(people, False)
    off = _off(kind, [method for method in (INBOX.name, LIVE.name) if not is_fixed(kind, method)], people)
    quiet = in_quiet_hours(people)
    return {key: key in quiet or LIVE.name in off.get(key, ()) for key in people if INBOX.name not in off.get(key, ())}


def mark_heard(rows: list[Notification]) -> list[Notification]:
    """Those of ``rows``, to one person each or to many, that are to be sent; each with ``is_silent``.

    The queries of :func:`heard_by` for each kind among those to one person, none without kinds; one more where some
    have ``group_by``.
    """
    unheard = set[int]()  # by what Python calls them: they are not stored yet
    alone: dict[str, list[Notification]] = {}
    for row in rows:
        if row.kind and row.user_id is not None:
            alone.setdefault(row.kind, []).append(row)
    for same in alone.values():
        heard = heard_by(same[0], {row.user_id for row in same})
        for row in same:
            row.is_silent = heard.get(row.user_id, False)
            if row.user_id not in heard:
                unheard.add(id(row))
    _silence_muted(rows)
    return [row for row in rows if id(row) not in unheard] if unheard else rows


def _silence_muted(rows: Iterable[Notification]) -> None:
    """Mark those as silent whose bundle their person has muted. One query, none where no row has ``group_by``."""
    asked: dict[tuple[Key, str], list[Notification]] = {}
    for row in rows:
        if row.bundle_by and row.user_id is not None and not _is_critical(row):
            asked.setdefault((row.user_id, of_bundle(row.kind, row.bundle_by)), []).append(row)
    if not asked:
        return
    people, subjects = ({*parts} for parts in zip(*asked, strict=True))
    made = Choice.objects.filter(user__in=people, subject__in=subjects, method=LIVE.name)
    for key, subject, wanted, until in made.values_list("user", "subject", "is_on", "off_until"):
        for row in asked.get((key, subject), ()):
            row.is_silent = row.is_silent or not is_on({subject: Made(wanted, until)}, [subject])


def _is_critical(row: Notification) -> bool:
    kind = kind_named(row.kind) if row.kind else None
    return kind is not None and kind.critical


def _off(kind: Kind, methods: Sequence[str], people: Collection[Key]) -> dict[Key, set[str]]:
    """The methods that are off for the kind, by the key of a user; of whom all are on is left out."""
    subjects = subjects_of(kind)
    chosen = Choice.objects.filter(user__in=list(people), subject__in=subjects, method__in=methods)
    found: dict[tuple[Key, str], dict[str, Made]] = {}
    columns = ("user", "method", "subject", "is_on", "off_until")
    for key, method, subject, wanted, off_until in chosen.values_list(*columns):
        found.setdefault((key, method), {})[subject] = Made(wanted, off_until)
    unchosen = {method for method in methods if not default_of(kind, method)}
    off: dict[Key, set[str]] = {key: {*unchosen} for key in people} if unchosen else {}
    for (key, method), choices in found.items():
        theirs = off.setdefault(key, set())
        if is_on(choices, subjects, default=default_of(kind, method)):
            theirs.discard(method)
        else:
            theirs.add(method)
    return {key: theirs for key, theirs in off.items() if theirs}
