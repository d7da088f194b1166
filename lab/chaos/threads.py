"""Blocking work, beside the event loop, in threads that stay as long as this process.

The kernel tells a part to end when the *thread* that started it does (``lab.harness.environment.ending_with_us``), and
the threads of ``asyncio.to_thread`` end with their event loop.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_pool = ThreadPoolExecutor(max_workers=32, thread_name_prefix="chaos")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``work(*args, **kwargs)`` returns or raises, called in a thread."""
    return await asyncio.get_running_loop().run_in_executor(_pool, partial(work, *args, **kwargs))
