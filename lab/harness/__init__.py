"""Starting and talking to the real parts of a hub from outside it: what ``tests`` and ``chaos`` have in common.

Nothing that is started here outlives the process that started it.
"""
