"""What the hub counts, for Prometheus. The names are listed in ``docs/howto/watch-the-hub.md``."""

from prometheus_client import Counter, Gauge, Histogram

SOCKETS = Gauge("hub_sockets", "Open connections by endpoint.", ["endpoint"], multiprocess_mode="livesum")
CHANNELS = Gauge("hub_channels", "Channels with subscribers in this process.", multiprocess_mode="livesum")
TASKS = Gauge("hub_tasks", "Tasks of the event loop, sampled every second.", multiprocess_mode="livesum")
PUBLICATIONS = Counter("hub_publications", "Durable publications that were given an offset.", ["namespace"])
DELIVERIES = Counter("hub_deliveries", "Publications written to sockets.")
FAN_OUT_FAILURES = Counter(
    "hub_fan_out_failures", "Publications that failed for one endpoint or subscriber, by what it did.", ["step"]
)
SEQUENCING_FAILURES = Counter("hub_sequencing_failures", "Commits whose publications could not be numbered at once.")
SWEPT = Counter("hub_swept", "Publications that the outbox sweeper numbered, because their publisher had not.")
PRUNED = Counter("hub_pruned", "Publications that were deleted because they need not be kept.", ["namespace"])
ROWS_PRUNED = Counter("hub_rows_pruned", "Rows that were deleted because they need not be kept.", ["kind"])
ANNOUNCEMENTS = Counter("hub_announcements", "Publications sent to the channel layer.")
ANNOUNCEMENTS_DROPPED = Counter("hub_announcements_dropped", "Announcements that were not sent.", ["reason"])
REPAIRS = Counter("hub_repairs", "Publications that came from the database, not from the channel layer.", ["reason"])
REPAIR_PAUSE = Gauge(
    "hub_repair_pause_seconds",
    "Seconds between two queries of catch-up, before jitter.",
    multiprocess_mode="livemax",
)
PRESENCE_IN_DATABASE = Gauge(
    "hub_presence_in_database",
    "Web processes whose presence goes through the database.",
    multiprocess_mode="livesum",
)
LAYER_DROPPED = Counter("hub_layer_dropped", "Messages from the channel layer that the relay could not take in time.")
FOREIGN_EVENTS = Counter("hub_foreign_events", "Events of other code that came over the channel layer for clients.")
UNKNOWN_EVENTS = Counter("hub_unknown_events", "Messages on the channel layer that cannot be passed on to clients.")
CLOSED = Counter("hub_sockets_closed", "Sockets that the hub closed.", ["code"])
CLIENT_ERRORS = Counter("hub_client_errors", "Bad messages: error frames, and what was dropped unanswered.", ["code"])
REFUSED = Counter("hub_refused", "What was refused because somebody did too much of it.", ["limit"])
API_CALLS = Counter("hub_api_calls", "Calls of the HTTP API; code 0 is success.", ["method", "code"])
WAITING = Gauge("hub_waiting", "Things that wait in a queue now.", ["queue"], multiprocess_mode="livesum")
JOBS = Gauge(
    "hub_jobs",
    "Durable background jobs that wait or run, or failed for good.",
    ["state", "queue"],
    multiprocess_mode="mostrecent",
)
JOB_WAIT = Gauge(
    "hub_job_wait_seconds",
    "Seconds since the background job was due that waits for longest.",
    ["queue"],
    multiprocess_mode="mostrecent",
)
QUEUE_LENGTH = Gauge(
    "hub_queue_length",
    "Messages of background tasks that wait in a queue at the broker.",
    ["queue"],
    multiprocess_mode="mostrecent",
)
QUEUE_AGE = Gauge(
    "hub_queue_age_seconds",
    "Seconds since the oldest message in a queue at the broker was sent.",
    ["queue"],
    multiprocess_mode="mostrecent",
)
QUEUE_PAUSED = Gauge(
    "hub_queue_paused",
    "Whether somebody has paused a queue: 1, else 0.",
    ["queue"],
    multiprocess_mode="mostrecent",
)
LOOP_LATE = Histogram(
    "hub_loop_late_seconds",
    "How late the event loop was with what was due, four times a second.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
WAKING_FAILURES = Counter("hub_waking_failures", "Attempts to wake somebody's snoozed alerts that failed.")
FAILURES = Counter("hub_failures", "Failures of any kind that the hub went on after, by log event.", ["event"])
LOOP_FAILURES = Counter("hub_loop_failures", "Failed steps of loops that go on all the same.", ["loop"])
RELAY_LAG = Histogram(
    "hub_relay_lag_seconds",
    "From the arrival of a publication at this process to its write to the last socket.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
