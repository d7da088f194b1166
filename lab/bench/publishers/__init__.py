"""What publishes: one process per system, beside the load generator. Each answers the commands of
:func:`lab.bench.processes.answer_commands`; times are ``time.monotonic_ns``, which all processes share.
"""
