"""The one typed class of the hub's settings: what is, means and bounds each stands here, and nowhere else.

``.env.example`` and ``docs/settings.md`` are made of it by ``make settings``. To add a setting, add a field.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from hub.config.declaration import Section
from hub.config.engine import Engine
from hub.config.kinds import BulkQueue, DeliveriesQueue, FromZero, NotNegative, Rates, WrittenKinds

#: Pages that can be left out. ``language`` is the form that changes the language.
PageName = Literal[
    "home", "alerts", "topics", "chat", "online", "jobs", "schedules", "operations", "accounts", "language"
]

#: Endpoints that can be left out, by their path.
EndpointName = Literal[
    "connection/websocket",
    "connection/http_stream",
    "connection/sse",
    "events",
    "ws/notifications",
    "ws/online",
    "ws/chat",
    "api",
    "health",
    "metrics",
    "widgets",
]

_pages = Section("Pages and endpoints")
_rooms = Section("Chat and alerts")
_jobs = Section("Background jobs")
_accounts = Section("Accounts")
_rates = Section(
    "Limits of people",
    "A rate is written as `10/minute` or `10/15 minutes`; several hold together: `10/minute; 100/day`. `off` sets no "
    "limit. Rates hold over all web processes.",
    unless="people who work normally meet it: `hub_refused_total` counts that",
)


@dataclass(frozen=True, slots=True)
class HubSettings(Engine):
    """Every variable that the hub reads, with its default in production.

    A setting without a name of Django's own is ``HUB_<NAME>`` in Django's settings, and what stands there holds. Those
    with one, such as the address of the database, are here as the environment says them: what follows from them is in
    Django's settings.
    """

    base_template: str = _pages(
        "",
        "Template of your project into which the hub puts its pages. It needs the blocks `content` and `head`, and "
        "may have `title`.",
        unless="people are to see the hub's pages as pages of your site",
        zero="has a base template of its own",
        example="base.html",
    )
    pages: Sequence[PageName] = _pages(
        get_args(PageName),
        "Pages that the hub shows, of the apps that are installed. Links to the others vanish, and their addresses "
        "answer 404.",
        unless="you show alerts, rooms and people on pages of your own",
        zero="Empty, the hub has no pages",
    )
    endpoints: Sequence[EndpointName] = _pages(
        get_args(EndpointName),
        "Endpoints that clients, backends and monitoring may use, of the apps that are installed. The others answer "
        "404, and widgets connect without them.",
        unless="you use few of them, and want nobody to use the others",
        zero="Empty, the hub has no endpoints",
    )

    message_items: FromZero = _rooms(
        100_000,
        "Chat messages that the hub keeps of each room: the newest so many.",
        unless="the table of messages is too big",
        unit="messages",
        zero="sets no limit",
    )
    message_days: NotNegative = _rooms(
        365.0,
        "Age up to which the hub keeps chat messages.",
        unless="the law or your people want another",
        unit="days",
        zero="sets no limit",
    )
    alert_items: FromZero = _rooms(
        10_000,
        "Alerts that the hub keeps of each person, group and topic, and of those to everyone: the newest so many. The "
        "marks of those who have read an alert go with it.",
        unless="the table of alerts is too big",
        unit="alerts",
        zero="sets no limit",
    )
    alert_days: NotNegative = _rooms(
        365.0,
        "Age up to which the hub keeps alerts.",
        unless="the law or your people want another",
        unit="days",
        zero="sets no limit",
    )
    schedule_days: NotNegative = _rooms(
        90.0,
        "Age up to which the hub keeps the history of schedules and periodic tasks.",
        unless="the law or your people want another",
        unit="days",
        zero="sets no limit",
    )
    kinds: WrittenKinds = _rooms(
        {},
        "Kinds of notifications that are declared without code, by their names, with the arguments of `Kind`. A text "
        "may be one for each language.",
        unless="your product is beside the hub, and its people are to choose what they get",
        zero="declares none",
        example='{"order.shipped": {"label": "Order shipped", "message": "Order {number} is on its way", '
        '"fields": {"number": "int"}}}',
    )
    language_of: str = _rooms(
        "",
        "The field of the user model that has the language in which a person reads notifications of a kind, such as "
        "`language` or `profile__language`.",
        unless="your product knows the languages of its people",
        zero="takes what a person has chosen in the preferences; else, in its own project, what the product says of "
        "them (`language`)",
        example="language",
    )
    time_zone_of: str = _rooms(
        "",
        "The field of the user model that has a person's time zone, such as `time_zone` or `profile__time_zone`.",
        unless="your product knows the time zones of its people",
        zero="takes what a person has chosen in the preferences; else, in its own project, what the product says of "
        "them (`time_zone`)",
        example="time_zone",
    )
    client_broadcast: Literal["staff", "authenticated", "anyone"] = _rooms(
        "staff",
        "Who may send alerts to everyone over a socket.",
        unless="you trust everybody with an account to interrupt everybody",
    )
    room_creation: Literal["staff", "authenticated"] = _rooms(
        "authenticated",
        "Who may open chat rooms. HUB_LIMIT_ROOMS bounds how many one user opens.",
        unless="rooms are for you to decide",
    )
    open_rooms_by_connecting: bool = _rooms(
        False,
        "Whether somebody who may open rooms opens one by connecting to /ws/chat/<room_name>/ where there is none.",
        unless="clients of yours expect it: a misspelt name is then a new room",
        development=True,
    )
    erased_texts: Literal["removed", "anonymised", "kept"] = _rooms(
        "removed",
        "What becomes of texts that a person wrote for others (chat messages, alerts, publications) when somebody "
        "erases the person: they go, lose the name, or stay as they are.",
        unless="what people wrote belongs to others as well, as in a team's records",
    )
    shipped_rules: Sequence[Literal["room_opened", "user_signed_up"]] = _rooms(
        (),
        "Alerts that the hub sends by itself: `room_opened` tells everyone of a new public room, "
        "`user_signed_up` tells staff of an account that a visitor made.",
        unless="you want these alerts",
        zero="switches all off",
        example="room_opened,user_signed_up",
    )
    rules_raise: Literal["in_tests", "always", "never"] = _rooms(
        "in_tests",
        "Where an error in a rule of `alerts.py`, or of live rows, reaches the code that saves. Elsewhere the hub "
        "logs it, and the save goes on.",
        unless="a test is about a rule that fails (`never`), or you look for such an error (`always`)",
    )

    watched_tasks: Sequence[str] = _jobs(
        (),
        "Names of plain Celery tasks, with `*` as a wildcard, that people watch as background jobs although nobody "
        "has changed them.",
        unless="people wait for tasks that are not declared with `@job`",
        zero="watches none",
        example="shop.tasks.*,billing.tasks.invoice",
    )

    deliveries_queue: DeliveriesQueue = _jobs(
        "",
        "Celery queue for what brings alerts to people: distributions, schedules, alerts for later, and the hub's "
        "regular tasks.",
        unless="alerts are not to wait behind other jobs of your project, or a worker of yours reads another queue",
        zero="takes `deliveries` in the hub's own project, and inside a project the default queue of its Celery "
        "application",
        example="deliveries",
    )
    bulk_queue: BulkQueue = _jobs(
        "",
        'Celery queue for work of which there may be very much: jobs that are declared with `queue="bulk"`.',
        unless="imports of your project are not to hold up its other jobs, or a worker of yours reads another queue",
        zero="takes `bulk` in the hub's own project, and inside a project its queue `bulk` if CELERY_TASK_QUEUES has "
        "one, else the default queue of its Celery application",
        example="bulk",
    )
    fanout_queue: Literal["default", "deliveries", "bulk"] = _jobs(
        "default",
        "Queue in which a notification to very many people goes on when it has taken five seconds of the queue for "
        "alerts.",
        unless="such notifications are to have workers of their own",
    )

    guests: bool = _accounts(
        True,
        "Whether somebody who is not logged in and brings no token may connect, and read pages and lists. Without "
        "guests the hub tells such a client to log in, and shows such a visitor the log-in page.",
        unless="what is for everyone is for your people alone",
    )
    signup: bool = _accounts(
        False,
        "Whether visitors may make an account.",
        unless="strangers are welcome",
        development=True,
        alone=True,
    )

    user_id: str = _accounts(
        "",
        "What a person is called outside: in channel names, signed tokens (`sub`), the HTTP API and presence. A "
        "unique field of the user model whose value never changes.",
        unless="your programs know people by another name than the key of their row",
        zero="takes the key; in its own project it takes what a product calls the person (`external_id`), and the "
        "key of those whom no product knows",
        example="uuid",
    )
    display_name: str = _accounts(
        "",
        "What others read of a person: a field or method of the user model, or the path of a function that takes a "
        "user.",
        unless="people are to be called by another name",
        zero="takes what `get_full_name()` says, else what `str()` says, never a mail address, else a name that is "
        "made of the id, such as Person 3f2a-91bc; in its own project it takes the name, else the username",
        example="myproject.people.name_of",
    )

    limit_signup: Rates = _rates("20/hour", "Accounts that one address may make.", alone=True)
    limit_login: Rates = _rates("10/5 minutes", "Attempts to log in to one account from one address.", alone=True)
    limit_login_address: Rates = _rates(
        "100/15 minutes", "Attempts to log in that failed from one address.", alone=True
    )
    limit_login_account: Rates = _rates(
        "100/hour",
        "Attempts to log in to one account that failed, from addresses at which its owner is not logged in.",
        alone=True,
    )
    limit_reset: Rates = _rates(
        "20/hour", "Mails with a link for a new password that one address may ask for.", alone=True
    )
    limit_reset_mail: Rates = _rates(
        "3/hour; 10/day", "Mails with such a link that are sent to one mail address.", alone=True
    )
    limit_mail_addresses: Rates = _rates("5/day", "Times that one user may change their mail address.", alone=True)
    limit_tokens: Rates = _rates("50/day", "Access tokens that one user may make.", alone=True)
    limit_bad_api_keys: Rates = _rates("30/minute", "API keys from one address that are not valid.")
    limit_api_calls: Rates = _rates(
        "off",
        "Calls with one API key, such as `6000/minute`; each command of a batch is one.",
        unless="others have keys of yours",
    )
    limit_rooms: Rates = _rates("20/hour; 50/day", "Rooms that one user may open.")
    limit_messages: Rates = _rates("200/minute; 5000/day", "Chat messages that one user may write.")
    limit_follows: Rates = _rates("200/hour; 1000/day", "Topics that one user may follow or leave.")
    limit_broadcasts: Rates = _rates("60/minute; 1000/day", "Alerts that one user may send to everyone from a client.")
    limit_publications: Rates = _rates(
        "600/minute; 20000/day",
        "Publications that one user, or all guests of one address, store from clients in channels of your own.",
    )
