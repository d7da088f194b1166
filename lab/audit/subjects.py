"""Subjects of commits: the list of them is what people read to learn what changed."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from lab.audit.outcome import Outcome

#: Characters of a subject; lists of commits cut what is longer.
LENGTH_LIMIT = 72

#: Commits that are looked at where no other branch says what is new.
NEWEST = 50

#: Areas that are no folder.
AREAS = frozenset({"build"})

#: Folders whose own folders are areas too.
_PARENTS = ("hub", "lab")

_FORM = re.compile(r"\[([^\]]*)\] (\S+)(.*)")
_UNFINISHED = re.compile(r"(\[[^\]]*\] *)?(wip|fixup!|squash!|amend!)", re.IGNORECASE)
#: How first words end that tell what was done or what is there, rather than what to do: ``Added``, ``Pages``.
_TELLING = re.compile(r"[a-z]+(ed|ing|(?<!s)s)", re.IGNORECASE)
#: Imperatives that end so.
_IMPERATIVES = frozenset(
    {"Bring", "Embed", "Exceed", "Feed", "Focus", "Need", "Ping", "Proceed", "Seed", "Shed", "Speed"}
)


def look(root: Path) -> Outcome:
    """Subjects of the branch's commits in ``root`` that are not as CONTRIBUTING.md says, with what is wrong.

    The branch's commits are those that ``origin/main`` has not, or else ``main``; on ``main`` itself the last 50.
    Where git or the history is missing nothing is known, which is no failure.
    """
    if _git(root, "rev-parse", "--verify", "--quiet", "HEAD") is None:
        return Outcome("unreachable", note="not looked at, because this is no checkout of git with a commit")
    areas = areas_of(root)
    listed = _git(root, "log", "--no-merges", "--format=%h %s", *_range(root)) or ""
    commits = [line.partition(" ")[::2] for line in listed.splitlines()]
    found = [f"{commit} {subject!r}: {fault}" for commit, subject in commits for fault in faults(subject, areas)]
    shallow = (_git(root, "rev-parse", "--is-shallow-repository") or "").strip() == "true"
    return Outcome.of(found, f"{len(commits)} commits" + (", all that this shallow clone has" if shallow else ""))


def faults(subject: str, areas: frozenset[str]) -> Iterator[str]:
    """What is wrong with ``subject``, in a sentence each."""
    if _UNFINISHED.match(subject):
        yield "the commit is not finished"
    if len(subject) > LENGTH_LIMIT:
        yield f"{len(subject)} characters are more than {LENGTH_LIMIT}"
    match = _FORM.fullmatch(subject)
    if not match:
        yield "it is not of the form '[area] Imperative …'"
        return
    area, verb, _ = match.groups()
    if area not in areas:
        yield f"there is no area {area!r}: there are {', '.join(sorted(areas))}"
    if not verb[0].isupper() or (_TELLING.fullmatch(verb) and verb not in _IMPERATIVES):
        yield f"{verb!r} is no imperative with a capital letter, such as 'Add'"


def areas_of(root: Path) -> frozenset[str]:
    """The folders that git tracks at the top of ``root`` and in ``hub`` and ``lab``, and what else is an area."""
    places = [f"{parent}/" for parent in _PARENTS]
    listed = (_git(root, "ls-tree", "-d", "--name-only", "HEAD", "--", *places) or "").splitlines()
    listed += (_git(root, "ls-tree", "-d", "--name-only", "HEAD") or "").splitlines()
    return AREAS | {Path(name).name for name in listed if not name.startswith(".")}


def _range(root: Path) -> list[str]:
    head = _git(root, "rev-parse", "HEAD")
    for base in ("refs/remotes/origin/main", "refs/heads/main"):
        commit = _git(root, "rev-parse", "--verify", "--quiet", base)
        if commit not in (None, head) and _git(root, "merge-base", base, "HEAD") is not None:
            return [f"{base}..HEAD"]
    return ["HEAD", f"--max-count={NEWEST}"]


def _git(root: Path, *arguments: str) -> str | None:
    """What git says, or None where it is missing or has failed."""
    try:
        ran = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)  # noqa: S607  # the machine's git
    except OSError:
        return None
    return None if ran.returncode else ran.stdout.decode(errors="replace")
