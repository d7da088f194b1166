"""Static files as the web process serves them."""

import asyncio
import re
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from servestatic.middleware import ServeStaticMiddleware

#: A name that carries a hash, and so stands for the same contents for ever.
_HASHED = re.compile(r"\.[0-9a-f]{12}\.[^/]+$")

#: Bytes of a file that is read at once. Nearly all are smaller; what is larger is read piece by piece.
AT_ONCE = 256 * 1024


class StaticFiles(ServeStaticMiddleware):  # type: ignore[misc]  # the package has no types
    """As servestatic's, but a start in development does not describe each file, and a small file is read at once.

    In development a file is looked for when it is asked for, so nobody reads a description that was made before. To
    make them takes longer than anything else that the first request of a process needs. To read pieces of 8 KiB, each
    by a call of a thread, takes as long as all else that a request for a file needs.

    In production the files of another version are served too, by their hashed names: while processes of two versions
    run, a page of one asks either for its files, and a page stays open for long after.
    """

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The file, if the URL is that of one; else what the next middleware answers."""
        url = request.path_info
        is_described = self.autorefresh or url in self.files
        if not is_described and url.startswith(self.static_prefix) and _HASHED.search(url):
            found = await asyncio.to_thread(self.find_file, url)
            if found is not None:
                return await self.aserve(found, request)
        answer: HttpResponseBase = await super().__call__(request)
        return answer

    @staticmethod
    async def aserve(static_file: Any, request: HttpRequest) -> HttpResponseBase:
        """The answer to a request for this file: the whole, a range of it, or that it has not changed."""
        # `pathsend`: the file is left to us, where it is asked for as a whole.
        found = await static_file.aget_response(request.method or "GET", request.META, pathsend=True)
        headers = {name: value for name, value in found.headers if value is not None}
        if found.path is None or int(headers["Content-Length"]) > AT_ONCE:
            answer: HttpResponseBase = await ServeStaticMiddleware.aserve(static_file, request)
            return answer
        content = await asyncio.to_thread(Path(found.path).read_bytes)
        return HttpResponse(content, status=int(found.status), headers=headers)

    def add_files_from_finders(self) -> None:
        """Say which folders may be served from, and in production what is in them."""
        if not self.autorefresh:
            super().add_files_from_finders()
            return
        for finder in finders.get_finders():
            for storage in finder.storages.values():  # type: ignore[attr-defined]  # each of our finders has them
                self.insert_directory(storage.location, self.static_prefix)
