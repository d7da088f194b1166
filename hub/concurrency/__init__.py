"""Threads, loops and batches: how work is shared, and who has to answer for an error. Knows nothing of the hub."""
