"""The npm package of hub.js: what is in it, and that its types hold for a program that uses it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import hub
from lab.harness.environment import BASE_DIR

pytestmark = [pytest.mark.slow, pytest.mark.any_database]

#: A program of somebody who uses the package, with what its types must know.
PROGRAM = """
import { connect, NoToken, CallFailed, type Methods, type Publications, type Topic } from "django-notification-hub";
import { useCollection, useChannel } from "django-notification-hub/react";
import { useInbox } from "django-notification-hub/vue";

interface Order { id: number; state: string }

const hub = connect({ endpoint: "wss://hub.example.com/connection/websocket", getToken: async () => "a.b.c" });
const stop: () => void = hub.channel("order:7").on("shop.order_shipped", (data) => data.at);
const orders = hub.collection<Order>("/orders.json", { channel: "orders:7", key: "id", order: (a, b) => a.id - b.id });
const states: string[] = orders.items.map((order) => order.state);
const count: number | null = hub.presence("online").count;
const listed: Order[] = useCollection<Order>(hub, "/orders.json", { channel: "orders:7" }).items;
const subscription: "subscribing" | "subscribed" | "ended" = useChannel(null, "orders:7", {});
const unread: number = useInbox(() => hub).unread.value;
const failed: boolean = new CallFailed(1, "no answer", true).temporary;
const page = await hub.call("inbox.list", { state: "unread", limit: 5 });
const titles: string[] = page.items.map((alert) => alert.title);
const changed: number[] = (await hub.call("inbox.change", { change: "archive", ids: [7] })).ids;
const chosen: Methods["alerts.choose"]["answer"] = await hub.call("alerts.choose", { id: 7, action: "approve" });
const topics: Topic[] = (await hub.call("topics.list")).items;
const level: Publications["notifications.notification_created"]["level"] = "info";
const own: string = (await hub.call("shop.anything", { order: 7 })).whatever;
// @ts-expect-error a change that there is not
await hub.call("inbox.change", { change: "burn", ids: [7] });
// @ts-expect-error an answer has no such field
(await hub.call("inbox.counts")).lost;
// @ts-expect-error a state that there is not
if (orders.state === "finished") throw new NoToken("");
export { stop, states, count, listed, subscription, unread, failed, titles, changed, chosen, topics, level, own };
"""

#: The widgets in a component of React, and what its types must refuse.
COMPONENT = """
import { useInbox } from "django-notification-hub/react";

export function Page({ room }: { room: string }) {
  useInbox(null);
  return (
    <main>
      <hub-bell href="/alerts" label="News" className="bell" />
      <hub-chat key={room} room={room} />
      <hub-online number="narrow" />
      {/* @ts-expect-error a chat is of a room */}
      <hub-chat />
    </main>
  );
}
"""


def run(*command: str | Path, cwd: Path) -> str:
    path = f"{os.environ['PATH']}:{BASE_DIR / '.venv/bin'}"
    environment = {"PATH": path, "HOME": str(cwd), "npm_config_update_notifier": "false"}
    ended = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("npm") / "node_modules/django-notification-hub"
    folder.mkdir(parents=True)
    run("node", str(BASE_DIR / "tools/npm-package.mjs"), str(folder), cwd=BASE_DIR)
    return folder


def test_npm_packs_it(package: Path) -> None:
    (packed,) = json.loads(run("npm", "pack", "--dry-run", "--json", cwd=package))
    files = {entry["path"] for entry in packed["files"]}
    assert packed["version"] == hub.__version__
    assert {"package.json", "README.md", "LICENSE"} <= files
    for module in ("hub", "react", "vue", "hub/channel", "hub/collection"):
        assert {f"dist/{module}.js", f"dist/{module}.d.ts"} <= files
    assert not [name for name in files if "page-state" in name or "embedding" in name]


def test_library_has_the_version_of_the_pages() -> None:
    ours = json.loads((BASE_DIR / "package.json").read_text())
    theirs = json.loads((BASE_DIR / "clients/javascript/package.json").read_text())
    assert theirs["dependencies"]["centrifuge"] == ours["dependencies"]["centrifuge"]


def test_node_loads_it(package: Path) -> None:
    for name in ("centrifuge", "events", "protobufjs"):
        (package.parent / name).symlink_to(BASE_DIR / "node_modules" / name)
    program = package.parent.parent / "program.mjs"
    program.write_text('import * as hub from "django-notification-hub"; console.log(Object.keys(hub).sort().join());')
    assert run("node", str(program), cwd=program.parent).strip() == "CallFailed,Hub,NoToken,connect"


def test_its_types_hold_for_a_program(package: Path) -> None:
    folder = package.parent.parent
    (folder / "program.ts").write_text(PROGRAM)
    (folder / "component.tsx").write_text(COMPONENT)
    for name in ("vue", "@vue", "csstype", "@types"):
        (package.parent / name).symlink_to(BASE_DIR / "node_modules" / name)
    options = {"strict": True, "noEmit": True, "skipLibCheck": True, "target": "es2022", "types": []}
    options |= {"module": "esnext", "moduleResolution": "bundler", "lib": ["es2023", "dom", "dom.iterable"]}
    options |= {"jsx": "react-jsx"}
    files = ["program.ts", "component.tsx"]
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": files}))
    run(BASE_DIR / "node_modules/.bin/tsc", "--project", "tsconfig.json", cwd=folder)
