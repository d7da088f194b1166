"""The subjects of a branch's commits are looked at, and nothing fails where there is no history to look at."""

import os
import subprocess
from pathlib import Path

import pytest

from lab.audit import subjects
from lab.audit.__main__ import main
from lab.audit.outcome import Outcome

AREAS = frozenset({"build", "chat", "hub", "fanout"})
GOOD = "[chat] Refuse names that look alike"


def git(folder: Path, *arguments: str) -> None:
    """Git, without anything that this machine sets for it."""
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, env=os.environ | settings | names)


def commit(folder: Path, *texts: str) -> None:
    for text in texts:
        git(folder, "commit", "--quiet", "--allow-empty", "--message", text)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the folders ``chat`` and ``hub/fanout``, and one commit on ``main``."""
    folder = tmp_path / "repository"
    for name in ("chat", "hub/fanout"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").touch()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", ".")
    commit(folder, "[build] Begin")
    return folder


@pytest.mark.parametrize(
    "subject",
    [
        GOOD,
        "[build] Pass on what make was told",
        "[hub] Bring live tests in line",
        "[fanout] " + "A" * 63,
        "[hub] Let `Name` be é",
    ],
)
def test_good_subject_has_no_fault(subject: str) -> None:
    assert list(subjects.faults(subject, AREAS)) == []


@pytest.mark.parametrize(
    ("subject", "fault"),
    [
        ("[fanout] " + "A" * 64, "73 characters"),
        ("wip", "not finished"),
        ("WIP: [hub] Add a door", "not finished"),
        ("[hub] wip", "not finished"),
        ("fixup! [hub] Add a door", "not finished"),
        ("Add a door", "not of the form"),
        ("[hub]Add a door", "not of the form"),
        ("[hub]", "not of the form"),
        ("", "not of the form"),
        ("[Hub] Add a door", "no area 'Hub'"),
        ("[hub, chat] Add a door", "no area 'hub, chat'"),
        ("[] Add a door", "no area ''"),
        ("[hub] add a door", "no imperative"),
        ("[hub] Added a door", "no imperative"),
        ("[hub] Adding a door", "no imperative"),
        ("[hub] Adds a door", "no imperative"),
        ("[hub] `Door` is there", "no imperative"),
    ],
)
def test_fault_is_named(subject: str, fault: str) -> None:
    assert any(fault in said for said in subjects.faults(subject, AREAS))


def test_only_the_commits_of_the_branch_are_looked_at(repository: Path) -> None:
    commit(repository, "what main has is published")
    git(repository, "switch", "--quiet", "--create", "branch")
    commit(repository, GOOD, "[fanout] Send once", "[shop] Sell\n\nA paragraph of any kind, wip or not.")
    outcome = subjects.look(repository)
    assert outcome.note == "3 commits" and len(outcome.found) == 1
    assert "'[shop] Sell': there is no area 'shop': there are build, chat, fanout, hub" in outcome.found[0]


def test_what_the_origin_has_is_published_and_what_is_new_on_main_is_not(repository: Path, tmp_path: Path) -> None:
    commit(repository, "published")
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    commit(tmp_path / "clone", "wip")
    assert [line.partition(" ")[2] for line in subjects.look(tmp_path / "clone").found] == [
        "'wip': the commit is not finished",
        "'wip': it is not of the form '[area] Imperative …'",
    ]


def test_without_another_branch_the_newest_are_looked_at(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subjects, "NEWEST", 2)
    commit(repository, "long ago", GOOD, "new")
    outcome = subjects.look(repository)
    assert outcome.note == "2 commits" and "'new'" in outcome.found[0]


def test_merge_is_not_looked_at(repository: Path) -> None:
    git(repository, "switch", "--quiet", "--create", "branch")
    commit(repository, GOOD)
    git(repository, "switch", "--quiet", "main")
    commit(repository, GOOD)
    git(repository, "switch", "--quiet", "branch")
    git(repository, "merge", "--quiet", "--message", "Merge branch 'main'", "main")
    assert subjects.look(repository).found == []


def test_shallow_clone_is_looked_at_as_far_as_it_goes_and_says_so(repository: Path, tmp_path: Path) -> None:
    commit(repository, "long ago", GOOD)
    git(tmp_path, "clone", "--quiet", "--depth", "1", repository.as_uri(), "shallow")
    assert subjects.look(tmp_path / "shallow") == Outcome.of([], "1 commits, all that this shallow clone has")


def test_no_git_and_no_commit_are_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert subjects.look(tmp_path).state == "unreachable"
    git(tmp_path, "init", "--quiet")
    assert subjects.look(tmp_path).state == "unreachable"
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = subjects.look(tmp_path)
    assert outcome.state == "unreachable" and "not looked at" in outcome.note


def test_look_is_one_of_the_audit(capsys: pytest.CaptureFixture[str]) -> None:
    main(["subjects"])
    assert "subjects of commits: " in capsys.readouterr().out
