"""nginx with the nchan module: one worker, messages kept in its shared memory."""

import os
import shutil
import sys
from pathlib import Path

from lab.bench.clients import Endpoint
from lab.bench.processes import Process, accepts, until
from lab.bench.systems.base import SERVER, System
from lab.harness.environment import BASE_DIR, free_port

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

#: Where distributions put the module.
MODULES = (Path("/usr/lib/nginx/modules"), Path("/usr/lib64/nginx/modules"), Path("/usr/local/lib/nginx/modules"))

CONFIGURATION = """
load_module {module};
daemon off;
user {user};
pid {folder}/nginx.pid;
worker_processes 1;
worker_rlimit_nofile 20000;
events {{ worker_connections 19000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000;
    nchan_shared_memory_size 512m;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /sub {{ nchan_subscriber websocket; nchan_channel_id all; }}
        location = /pub {{
            nchan_publisher http;
            nchan_channel_id all;
            # The default of 10 would lose most of a burst.
            nchan_message_buffer_length 1000;
        }}
    }}
}}
"""


class Nchan(System):
    """Subscribers over WebSocket, the publisher over HTTP on one connection that is kept."""

    name = "nchan"

    @classmethod
    def missing(cls) -> str:
        if NGINX is None:
            return "there is no nginx"
        return "" if _module() else "nginx has no nchan module"

    async def start(self) -> None:
        self.port = free_port()
        configuration = self.folder / "nginx.conf"
        user = "root" if os.geteuid() == 0 else "nobody"  # without root, nginx ignores it
        configuration.write_text(CONFIGURATION.format(module=_module(), folder=self.folder, port=self.port, user=user))
        log = self.folder / "nginx.log"
        server = self.serve(
            Process(
                [str(NGINX), "-e", str(log), "-c", str(configuration)], core=SERVER, log=log, environment=os.environ
            )
        )
        await until(lambda: accepts("127.0.0.1", self.port), server)  # the publisher connects as soon as it starts
        await self.start_publisher(
            [sys.executable, "-m", "lab.bench.publishers.nchan", str(self.port)],
            {**os.environ, "PYTHONPATH": str(BASE_DIR)},
        )

    def server_pids(self) -> list[int]:
        """The worker: the master process does nothing but wait."""
        (master,) = super().server_pids()
        return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]

    def endpoints(self, count: int) -> list[Endpoint]:
        return [Endpoint(self.port, "/sub")] * count


def _module() -> Path | None:
    return next((path for folder in MODULES if (path := folder / "ngx_nchan_module.so").exists()), None)
