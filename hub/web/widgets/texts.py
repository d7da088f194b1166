"""What the widgets say, for pages of the hub and for pages of other origins."""

from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext


def texts() -> dict[str, str]:
    """Each text by the name that the scripts ask for, in the language that is active."""
    return {
        "alerts": _("Alerts"),
        "new_alerts": _("New alerts"),
        "new_alert": _("New alert: {text}"),
        "no_alerts": _("No alerts yet"),
        "no_alerts_yet": _("The next one appears here by itself."),
        "unread": _("Unread"),
        "all_read": _("All read"),
        "mark": _("Mark as read"),
        "mark_all": _("Mark all as read"),
        "not_marked": _("That did not work. Try again."),
        "see_all": _("See all alerts"),
        "older": _("Older alerts"),
        **_inbox(),
        **_jobs(),
        **_preferences(),
        "open": _("Open"),
        "chosen": _("Chosen: {label}"),
        "not_chosen": _("That did not work. Try again."),
        "show_more": _("Show more"),
        "show_less": _("Show less"),
        "dismiss": _("Dismiss"),
        "close": _("Close"),
        "loading": _("Loading"),
        "stale": _("This list may be incomplete."),
        "reload": _("Reload the page"),
        "level_info": _("Info"),
        "level_success": _("Success"),
        "level_warning": _("Warning"),
        "level_error": _("Error"),
        "level_debug": _("Debug"),
        "conversation": _("Conversation"),
        "messages": _("Messages"),
        "message": _("Message"),
        "write": _("Write a message"),
        "send": _("Send"),
        "enter_sends": _("Enter sends, Shift+Enter starts a new line."),
        "new_messages": _("New messages"),
        "quiet": _("It is quiet here"),
        "be_first": _("Be the first to say something."),
        "login_to_write": _("Only signed-in users can write messages"),
        "log_in": _("Log in"),
        "joined": _as_template(_("%(username)s joined the room"), "username"),
        "left": _as_template(_("%(username)s left the room"), "username"),
        "here": pgettext("people in a room", "Here: {names}"),
        "types_one": pgettext("one person", "{names} is typing"),
        "types_many": pgettext("several people", "{names} are typing"),
        "not_sent": _("This message was not sent."),
        "no_such_place": _("There is nothing of this name here."),
        "not_allowed": _("You are not allowed to do this."),
        "not_available": _("This is not available here."),
        "signed_out": _("You are logged out. Log in and try again."),
        "too_fast": _("That was too fast. Wait a moment and try again."),
        "log_in_first": _("Only people who are logged in can use this. Log in, and load the page again."),
        "disconnected": _("An administrator has ended the connection. Load the page again later."),
        "not_understood": _("The hub cannot read what this page sends. Load the page again."),
        "too_many_pages": _("Too many of your pages are open. Close some of them and load this one again."),
        "fault_away": _("The hub does not answer. This appears again as soon as it does."),
        "fault_no_answer": _("This page gets no token for the hub right now. It tries again."),
        "fault_token": _("The hub does not accept the token of this page. Load the page again."),
        "fault_token_over": _("This page gets tokens for the hub that have ended already. It tries again."),
        "fault_no_token": _("This page has no token for the hub. Log in, and load the page again."),
        "ended": _("The hub has ended the connection. Load the page again."),
        "room_ended": _("This room no longer exists, or you may no longer be in it."),
        "sent_later": _("This message is sent when the connection is back."),
        "retry": _("Try again"),
        "take_back": _("Back into the box"),
        **_plurals(
            "too_long",
            lambda n: ngettext(
                "This message is %(number)s character too long.", "This message is %(number)s characters too long.", n
            ),
        ),
        **_plurals("online", lambda n: ngettext("%(number)s person online", "%(number)s people online", n)),
        **_plurals("unread", lambda n: ngettext("%(number)s unread alert", "%(number)s unread alerts", n)),
        **_plurals("unread_short", lambda n: ngettext("%(number)s unread", "%(number)s unread", n)),
        **_plurals("others", lambda n: ngettext("%(number)s other", "%(number)s others", n)),
    }


def _jobs() -> dict[str, str]:
    """What the list of background jobs says."""
    return {
        "jobs": _("Background jobs"),
        "no_jobs": _("No jobs yet"),
        "no_jobs_yet": _("What you start in the background appears here by itself."),
        "jobs_log_in": _("Log in to see your background jobs."),
        "jobs_older": _("Show older jobs"),
        "jobs_older_failed": _("The older jobs cannot be loaded. Try again."),
        "jobs_failed": _("The list of jobs cannot be loaded."),
        "jobs_offline": _("No connection. What is shown was true when it was lost; the jobs go on."),
        "job_queued": _("Queued"),
        "job_running": _("Running"),
        "job_retrying": _("Will be tried again"),
        "job_lost": _("Lost"),
        "job_succeeded": _("Succeeded"),
        "job_failed": _("Failed"),
        "job_cancelled": _("Cancelled"),
        "job_cancel": _("Cancel"),
        "job_cancelling": _("Cancelling…"),
        "job_not_cancelled": _("The job was not cancelled. Try again."),
        "job_of": _as_template(_("Part of: %(title)s"), "title"),
        "job_done_of": pgettext("progress of a job", "{done} of {total}"),
        "job_place": _("Place {place} in the queue"),
        "job_place_estimated": _("About place {place} in the queue"),
        "job_unstoppable": _("This task cannot be stopped while it runs."),
        "job_left": pgettext("how long a job still takes", "{time} left"),
        "job_result": _("Open the result"),
        "job_details": _("Details"),
        "job_log": _("Log"),
        "job_no_log": _("No log lines yet"),
    }


def _preferences() -> dict[str, str]:
    """What the preferences of notifications say."""
    return {
        "preferences": _("Notification preferences"),
        "preferences_log_in": _("Log in to choose what you get"),
        "preferences_failed": _("Your preferences cannot be loaded."),
        "preferences_summary": _("What you will get"),
        "saving": _("Saving…"),
        "saved": _("Your choice is stored."),
        "language": _("Language of notifications"),
        "time_zone": _("Time zone"),
        "zone_offered": _as_template(_("Your browser goes by %(zone)s."), "zone"),
        "zone_use": _("Use this time zone"),
        "chosen_none": _as_template(_("Not chosen (%(default)s)"), "default"),
        "quiet_hours": _("Quiet hours"),
        "quiet_hours_are": _(
            "What comes meanwhile is in your list, and does not interrupt you. What is critical always does."
        ),
        "weekly_plan": _("Weekly plan"),
        "weekly_plan_is": _(
            "Hours in which alerts may interrupt you, such as those of your work. Without any, they always may."
        ),
        "hours_from": _("From"),
        "hours_to": _("To"),
        "hours_days": _("Beginning on"),
        "hours_add": _("Add hours"),
        "hours_remove": _("Remove these hours"),
        "hours_both": _("These hours have a beginning and an end."),
        "hours_no_day": _("Choose the days on which these hours begin."),
        "mute": _("Mute"),
        "mute_is": _("What is muted is in your list, and does not interrupt you. What is critical always does."),
        "mute_of": _as_template(_("Mute: %(name)s"), "name"),
        "mute_not": _("Not muted"),
        "mute_hour": _("For an hour"),
        "mute_tomorrow": _("Until tomorrow"),
        "mute_always": _("Until I say so"),
        "mute_until": _as_template(_("Until %(time)s"), "time"),
        "everything_else": _("Everything else"),
        "other_kinds": _("Others"),
        "all_on": _("All on"),
        "all_off": _("All off"),
        "all_default": _("Defaults"),
        "default_on": _("default: on"),
        "default_off": _("default: off"),
        "back_to_default": _("Back to default"),
    }


def _inbox() -> dict[str, str]:
    """What the page of the inbox says, and the buttons of its alerts."""
    return {
        "tab_unread": _("Unread"),
        "tab_all": _("Inbox"),
        "tab_archived": _("Archive"),
        "tab_snoozed": _("Snoozed"),
        "no_unread": _("Nothing unread"),
        "no_unread_yet": _("You have read everything."),
        "no_archived": _("The archive is empty"),
        "no_archived_yet": _("What you archive is kept here."),
        "no_snoozed": _("Nothing is snoozed"),
        "no_snoozed_yet": _("What you snooze waits here, and comes back as unread."),
        "nothing_found": _("Nothing found"),
        "search_alerts": _("Search alerts"),
        "level": _("Level"),
        "category": _("Category"),
        "all_categories": _("All categories"),
        "all_levels": _("All levels"),
        "offline": _("No connection. What you change here is saved when it is back."),
        "mark_unread": _("Mark as unread"),
        "archive": _("Archive it"),
        "unarchive": _("Back to the inbox"),
        "unsnooze": _("Back to the inbox"),
        "archive_read": _("Archive what is read"),
        "select": _("Select"),
        "select_all": _("Select all"),
        "snooze": _("Snooze"),
        "snooze_until": _("Snooze until"),
        "snoozed_until": _("Snoozed until"),
        "snooze_later": _("Later today"),
        "snooze_evening": _("This evening"),
        "snooze_tomorrow": _("Tomorrow"),
        "snooze_week": _("Next week"),
        "snooze_other": _("Another time"),
        "snooze_over": _("There was no connection until the time for which you snoozed. The alert is in your inbox."),
        "mute_bundle": _("Mute this conversation"),
        "mute_bundle_is": _("What comes next in it is in your list, and does not interrupt you."),
        "unmute": _("Unmute"),
        "muted": _("This conversation is muted"),
        "unmuted": _("This conversation is no longer muted"),
        "muted_until": _("Muted until"),
        "muted_for_good": _("Muted"),
        "undo": _("Undo"),
        "keys": _("Keyboard shortcuts"),
        "key_next": _("Next alert"),
        "key_previous": _("Previous alert"),
        "key_read": _("Mark as read or unread"),
        "key_archive": _("Archive, or back to the inbox"),
        "key_snooze": _("Snooze"),
        "key_mute": _("Mute this conversation"),
        "key_select": _("Select"),
        "key_undo": _("Undo"),
        "key_search": _("Search alerts"),
        "key_help": _("This list"),
        **_plurals("found_under", lambda n: ngettext("found in %(number)s", "found in %(number)s", n)),
        "search_in": _as_template(_("Search “%(tab)s”"), "tab"),
        "search_elsewhere": _("Only this tab was searched. The other tabs keep what you look for."),
        **_plurals("bundled", lambda n: ngettext("%(number)s alert", "%(number)s alerts", n)),
        "key_open": _("Open or close what stands for several"),
        **_plurals("selected", lambda n: ngettext("%(number)s selected", "%(number)s selected", n)),
        **_plurals("done_read", _marked_as_read),
        **_plurals("done_all_read", _marked_as_read),
        **_plurals(
            "done_unread",
            lambda n: ngettext("%(number)s alert marked as unread", "%(number)s alerts marked as unread", n),
        ),
        **_plurals("done_archive", _archived),
        **_plurals("done_archive_read", _archived),
        **_plurals("done_unarchive", _back),
        **_plurals("done_unsnooze", _back),
        **_plurals("done_snooze", lambda n: ngettext("%(number)s alert snoozed", "%(number)s alerts snoozed", n)),
    }


def _marked_as_read(number: int) -> str:
    return ngettext("%(number)s alert marked as read", "%(number)s alerts marked as read", number)


def _archived(number: int) -> str:
    return ngettext("%(number)s alert archived", "%(number)s alerts archived", number)


def _back(number: int) -> str:
    return ngettext("%(number)s alert is back in the inbox", "%(number)s alerts are back in the inbox", number)


def _as_template(text: str, *names: str) -> str:
    """A text of the server as the browser's code fills it in."""
    return text % {name: f"{{{name}}}" for name in names}


def _plurals(name: str, form: Callable[[int], str]) -> dict[str, str]:
    """The forms by the categories of ``Intl.PluralRules``: 1, 2 and 5 stand for "one", "few" and "many"; "other" is
    any number but one in English, and fractions in Russian."""
    numbers = {"one": 1, "few": 2, "many": 5, "other": 5}
    return {f"{name}_{category}": _as_template(form(number), "number") for category, number in numbers.items()}
