"""Everything that can go wrong. One file for each fault; its docstring says what must hold."""

from chaos.faults.all_cut import AllCut
from chaos.faults.base import Fault
from chaos.faults.beat_killed import BeatKilled
from chaos.faults.clock_jumps import ClockJumps
from chaos.faults.commits_out_of_order import CommitsOutOfOrder
from chaos.faults.database_away import DatabaseAway
from chaos.faults.hostile_frames import HostileFrames
from chaos.faults.hostile_input import HostileInput
from chaos.faults.publisher_killed import PublisherKilled
from chaos.faults.redis_absent import RedisAbsent
from chaos.faults.redis_killed import RedisKilled
from chaos.faults.redis_stopped import RedisStopped
from chaos.faults.rolling_restart import RollingRestart
from chaos.faults.slow_readers import SlowReaders
from chaos.faults.web_killed import WebKilled
from chaos.faults.worker_killed import WorkerKilled

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
