"""Breaking a whole hub on purpose, and counting what that did to its clients: ``python -m lab.chaos --help``.

``parts`` are the processes, ``clients`` and ``publishers`` use them as people and programs do, ``faults`` break them
by a ``schedule``, and the ``ledger`` compares what was promised with what arrived.
"""
