"""Operations: what queues, workers and beat do now, and what the staff do about it.

In each worker ``control`` obeys what rows say (``pausing``) and reports what it does (``reports``). In web processes
``snapshot`` puts together what the page shows (``views``), and ``page_watcher`` tells open pages that it has changed.
``failing`` lists what has failed, ``correcting`` has it run again, plain tasks by ``repeating``, and ``recording``
writes down who has done what.
"""
