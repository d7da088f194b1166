"""The settings of the engine: publications and their delivery, connections, presence."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from hub.config.declaration import Section
from hub.config.installation import Installation
from hub.config.kinds import (
    Burst,
    FromOne,
    FromZero,
    KeysUrl,
    NotNegative,
    OpenNamespaces,
    Origins,
    Positive,
    Retention,
    TokenSecrets,
)

_histories = Section("History")
_delivery = Section(
    "Publications and their delivery", unless="the metrics show that it is reached: docs/howto/watch-the-hub.md"
)
_connections = Section(
    "Connections",
    "The limits hold in each web process; docs/limits.md says what a client is told that meets one.",
    unless="people who work normally meet it: `hub_refused_total` counts that",
)
_tokens = Section("Signed tokens")
_clients = Section("Client connection")
_presence = Section("Presence")


@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)  # only what extends it is made
class Engine(Installation):
    """The part of :class:`hub.config.HubSettings` that the engine works by."""

    retention: Retention = _histories(
        {},
        "Publications that each channel of a namespace (everyone, user, group, room) keeps for clients that come "
        "back: the newest `items`, none older than `days`; either may be left out, 0 sets no limit. Lists of alerts "
        "and messages have limits of their own.",
        unless="clients that come back are told to reload, or the table of publications is too big",
        zero="keeps what each app declares, by default 10,000 and 30 days",
        example='{"room": {"items": 5000, "days": 365}}',
    )
    recovery_limit: FromZero = _histories(
        1000,
        "Publications that one recovery replays at most; a client that is further behind is told to reload.",
        unless="reloading costs your clients more than reading so many publications",
        unit="publications",
        zero="replays none: every client that missed something reloads",
    )
    recovery_bytes: FromZero = _histories(
        8 * 1024 * 1024,
        "Size of the publications that one answer recovers at most; a client that missed more is told to reload.",
        unless="your publications are big and histories long",
        unit="characters",
        zero="recovers none: every client that missed something reloads",
    )

    max_publication: FromOne = _delivery(
        64 * 1024,
        "Longest JSON of one publication.",
        unless="you publish whole documents; every client receives each of them",
        unit="bytes",
    )
    repair_interval: NotNegative = _delivery(
        1.0,
        "Pause between two queries of catch-up, for publications that Redis did not bring.",
        unless="you accept that what Redis loses arrives later",
        unit="seconds",
        zero="switches catch-up off: what Redis loses arrives with the next connection",
    )
    redis_timeout: Positive = _delivery(
        1.0,
        "Time that a group join or an announcement may take before the hub goes on without Redis.",
        unless="Redis is far away",
        unit="seconds",
    )
    announce_queue: FromOne = _delivery(
        20_000,
        "Announcements that wait for Redis in one process. The hub drops those above it, and catch-up delivers.",
        unit="announcements",
    )
    layer_queue: FromOne = _delivery(
        20_000,
        "Messages from Redis that wait for the relay of one process. The hub drops those above it, and catch-up "
        "delivers.",
        unit="messages",
    )
    database_threads: FromOne = _delivery(
        8,
        "Threads for database work of sockets and the relay, in each web process. Each has a connection to the "
        "database.",
        unless="the database has connections and processor time to spare while this work waits",
        unit="threads",
    )
    requests: FromOne = _delivery(
        20,
        "Requests that Django answers at the same time in each web process. Each has a thread and a connection to the "
        "database.",
        unless="the database takes more connections and requests wait (`hub_waiting`)",
        unit="requests",
    )
    request_wait: Positive = _delivery(
        5.0,
        "Time that a request waits for its turn before it is told to come back.",
        unless="your proxy gives up earlier",
        unit="seconds",
    )
    write_buffer: FromOne = _delivery(
        1024 * 1024,
        "Size of what waits for a slow consumer; above it the hub closes the connection, and the client recovers.",
        unless="clients on slow lines are closed as slow consumers; each may then hold so much memory",
        unit="bytes",
    )
    recheck_interval: Positive = _delivery(
        30.0,
        "Time in which the periodic revalidation checks the permissions of every open connection once. Changes that "
        "the hub makes itself act at once.",
        unless="rights are changed past the hub, such as by SQL, and must end sooner",
        unit="seconds",
    )
    stop_spread: NotNegative = _delivery(
        3.0,
        "Time over which a server that stops spreads the end of its sockets, so that they do not come back at once.",
        unless="tens of thousands of clients come back to few processes",
        unit="seconds",
        zero="ends all at once",
    )

    max_frame: Annotated[int, Meta(ge=1, le=2**30)] = _connections(
        64 * 1024,
        "Longest frame from a client.",
        unless="clients publish more than this at once",
        unit="bytes",
    )
    socket_burst: Burst = _connections(40.0, "Messages that one socket may send at once.", unit="messages")
    socket_rate: Positive = _connections(
        10.0, "Messages that one socket may send after HUB_SOCKET_BURST.", unit="messages per second"
    )
    user_burst: Burst = _connections(
        80.0, "Messages that all sockets of one user together may send at once.", unit="messages"
    )
    user_rate: Positive = _connections(
        20.0,
        "Messages that all sockets of one user together may send after HUB_USER_BURST.",
        unit="messages per second",
    )
    frame_burst: Burst = _connections(
        1000.0, "Frames of any kind, pings and fragments too, that one socket may send at once.", unit="frames"
    )
    frame_rate: Positive = _connections(
        200.0, "Frames of any kind that one socket may send after HUB_FRAME_BURST.", unit="frames per second"
    )
    guest_burst: Burst = _connections(
        500.0, "Messages and commands that all guests of one address together may send at once.", unit="messages"
    )
    guest_rate: Positive = _connections(
        10.0,
        "Messages and commands that all guests of one address together may send after HUB_GUEST_BURST.",
        unless="many guests share an address, as in a school",
        unit="messages per second",
    )
    connect_user_burst: Burst = _connections(200.0, "Connections that one user may begin at once.", unit="connections")
    connect_user_rate: Positive = _connections(
        5.0, "Connections that one user may begin after HUB_CONNECT_USER_BURST.", unit="connections per second"
    )
    connect_address_burst: Burst = _connections(
        1000.0, "Connections that all guests of one address may begin at once.", unit="connections"
    )
    connect_address_rate: Positive = _connections(
        50.0,
        "Connections that all guests of one address may begin after HUB_CONNECT_ADDRESS_BURST.",
        unless="many guests share an address, as in a school",
        unit="connections per second",
    )
    connections_per_user: FromZero = _connections(
        100,
        "Sockets and streams that one user may have open in one web process.",
        unless="a machine of yours is one user with many connections",
        unit="connections",
        zero="sets no limit",
    )
    connections_per_address: FromZero = _connections(
        1000,
        "Sockets and streams that one address may have open in one web process.",
        unless="many people share an address, as in a company",
        unit="connections",
        zero="sets no limit",
    )
    head_timeout: Positive = _connections(
        10.0, "Time for the head of a request, from when the client may send it.", unit="seconds"
    )
    body_timeout: Positive = _connections(20.0, "Time for the body of a request, after its head.", unit="seconds")
    pending_connections: FromOne = _connections(
        4096,
        "Connections of one web process that have not sent a whole head yet; above it the hub ends the oldest.",
        unless="more clients than this come back in the same moment",
        unit="connections",
    )
    subscriptions_per_socket: FromZero = _connections(
        128,
        "Subscriptions of its own that one client connection may have; server-side subscriptions do not count.",
        unless="a page of yours shows more channels than this",
        unit="subscriptions",
        zero="allows server-side subscriptions only",
    )

    token_secret: TokenSecrets = _tokens(
        (),
        "Secrets with which your services sign tokens (JWT, HMAC), each of at least 32 random characters, separated "
        "by commas: the hub verifies with each, and signs with the first.",
        unless="services of yours tell the hub who a client is",
        zero="takes no tokens that are signed with a secret",
        secret=True,
    )
    token_public_key: str = _tokens(
        "",
        "Public keys that verify signed tokens: one or several in PEM, or a JWKS (JSON). RSA, EC and Ed25519 keys, "
        "each for the algorithms of its type alone. Most easily HUB_TOKEN_PUBLIC_KEY_FILE, the path of the file.",
        unless="services of yours sign tokens with a private key",
        zero="takes no tokens that are signed with such a key",
        example="-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEARM4ZQhMZdsx8qsPeDn4fBtjRN1pgxvdLoXpsDbTxb80=\\n"
        "-----END PUBLIC KEY-----",
        secret=True,
    )
    token_jwks_url: KeysUrl = _tokens(
        "",
        "Address from which the hub fetches public keys that change (JWKS), such as those of your identity provider: "
        "in the background, and at once for a key that it does not know. The known keys serve while the address is "
        "away. Set HUB_TOKEN_AUDIENCE as well: a provider signs tokens for others too.",
        unless="an identity provider signs your tokens",
        zero="fetches none",
        example="https://login.example.com/.well-known/jwks.json",
    )
    token_jwks_refresh: Annotated[float, Meta(ge=30, le=86_400)] = _tokens(
        300.0,
        "Time after which the hub fetches the keys at HUB_TOKEN_JWKS_URL again; those that are gone verify no more.",
        unless="your provider asks for fewer requests, or a key must end sooner",
        unit="seconds",
    )
    token_issuer: str = _tokens(
        "",
        "What signed tokens must name as their issuer (`iss`).",
        unless="the key or secret is shared with other systems",
        zero="does not look at it",
        example="https://shop.example.com",
    )
    token_audience: str = _tokens(
        "",
        "What signed tokens must name among their audience (`aud`).",
        unless="the key or secret is shared with other systems",
        zero="does not look at it",
        example="hub",
    )
    token_origins: Origins = _tokens(
        (),
        "Origins (scheme, host, port) whose pages may connect with a token, and read the texts of widgets. No cookie "
        "of theirs counts.",
        unless="pages of a product beside the hub show its widgets",
        zero="lets in no page of another origin, but those of HUB_TRUSTED_ORIGINS",
        example="https://shop.example.com",
    )
    token_lifetime: NotNegative = _tokens(
        86_400.0,
        "Longest life of a signed token. The hub refuses one of longer life, or without `exp`, because nobody can "
        "revoke it.",
        unless="your services cannot sign a new one every day",
        unit="seconds",
        zero="sets no bound",
    )
    token_leeway: Annotated[float, Meta(ge=0, le=600)] = _tokens(
        60.0,
        "Time by which the clock of a program that signs may be ahead: `nbf` and `iat` may be so far in the future. "
        "The hub adds nothing to `exp`, as the client gets a new token before that.",
        unless="clocks differ by more than this, and nobody can set them",
        unit="seconds",
        zero="takes only clocks that agree",
    )
    token_creates_users: bool = _tokens(
        False,
        "Whether a signed token makes the person whom it names, where nobody has this `external_id`, and brings "
        "`name`, `email`, `language`, `zone` and `groups` up to date. For the hub's own user model.",
        unless="people come with tokens, and you do not want to copy them first",
    )
    open_namespaces: OpenNamespaces = _clients(
        {},
        'Namespaces of channels that are open without code; "" for names without a colon. For development: production '
        "refuses it.",
        unless="you try the hub out and have no app yet",
        zero="opens none",
        example='{"news": {"publish": true, "guests": true, "history_size": 100, "history_ttl": 300}}',
    )

    lease_seconds: Positive = _presence(
        30.0,
        "Time that a process stays in the presence lists after its last heartbeat; above HUB_LEASE_BEAT.",
        unless="people of a process that was killed must be gone sooner",
        unit="seconds",
    )
    lease_beat: Positive = _presence(
        10.0,
        "Pause between two heartbeats of a process; below HUB_LEASE_SECONDS.",
        unless="HUB_LEASE_SECONDS changes: then a third of it",
        unit="seconds",
    )
    leave_grace: NotNegative = _presence(
        5.0,
        "Time that a user stays in presence after their last connection ended, so that a page reload sends no leave "
        "and no join. Guests always leave at once.",
        unless="your pages take longer to load, or a leave must be seen sooner",
        unit="seconds",
        zero="lets everybody leave at once",
    )
    count_interval: Positive = _presence(
        0.25,
        "Least time between two counts of people online that the hub sends.",
        unless="thousands of people come and go, and nobody needs the count at once",
        unit="seconds",
    )
