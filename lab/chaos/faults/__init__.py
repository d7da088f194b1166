"""Everything that can go wrong. One file for each fault; its docstring says what must hold."""

from lab.chaos.faults.all_cut import AllCut
from lab.chaos.faults.base import Fault
from lab.chaos.faults.beat_killed import BeatKilled
from lab.chaos.faults.clock_jumps import ClockJumps
from lab.chaos.faults.commits_out_of_order import CommitsOutOfOrder
from lab.chaos.faults.database_away import DatabaseAway
from lab.chaos.faults.hostile_frames import HostileFrames
from lab.chaos.faults.hostile_input import HostileInput
from lab.chaos.faults.jobs_killed import JobsKilled
from lab.chaos.faults.later_killed import LaterKilled
from lab.chaos.faults.publisher_killed import PublisherKilled
from lab.chaos.faults.redis_absent import RedisAbsent
from lab.chaos.faults.redis_killed import RedisKilled
from lab.chaos.faults.redis_stopped import RedisStopped
from lab.chaos.faults.rolling_restart import RollingRestart
from lab.chaos.faults.schedules_killed import SchedulesKilled
from lab.chaos.faults.slow_readers import SlowReaders
from lab.chaos.faults.web_killed import WebKilled
from lab.chaos.faults.worker_killed import WorkerKilled

#: By name, in the order of the table in ``docs/howto/chaos.md``.
FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        RedisKilled(),
        RedisStopped(),
        RedisAbsent(),
        WebKilled(),
        PublisherKilled(),
        WorkerKilled(),
        BeatKilled(),
        JobsKilled(),
        SchedulesKilled(),
        LaterKilled(),
        DatabaseAway(),
        SlowReaders(),
        RollingRestart(),
        CommitsOutOfOrder(),
        ClockJumps(),
        HostileInput(),
        HostileFrames(),
        AllCut(),  # the last, because its thousand clients stay
    )
}
