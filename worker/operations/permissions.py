"""Who may see operations, and act; being of the staff is not enough."""

from hub.users import Visitor, may

SEE, OPERATE, CORRECT = "hub_worker.see_operations", "hub_worker.operate", "hub_worker.correct_jobs"


def may_see(user: Visitor) -> bool:
    """Whether this person may see queues, workers and failed jobs, whose secrets are masked."""
    return may(user, SEE) or may(user, OPERATE)


def may_operate(user: Visitor) -> bool:
    """Whether this person may pause queues, drain workers, and run failed jobs again as they were."""
    return may(user, OPERATE)


def may_correct(user: Visitor) -> bool:
    """Whether this person may run failed jobs with other arguments: whatever their tasks do for these."""
    return may(user, OPERATE) and may(user, CORRECT)
