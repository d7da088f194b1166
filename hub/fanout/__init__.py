"""Fan-out: brings publications to the sockets of this process.

``relay`` receives the publications of all channels. ``local_channel`` puts those of one channel in order and writes
them to its subscribers; ``catch_up`` reads what did not arrive. ``frames`` encodes each frame once for all sockets.
``recovery`` reads what a returning client missed. ``inbox`` has messages handled that are for the process itself, and
``survey`` asks all processes a question.
"""
