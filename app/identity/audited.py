"""Everything that people do and the audit log keeps, with the words it is told in."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Audited(StrEnum):
    """The names are kept with the entries: one that was ever used stays as it is."""

    REPLAY = "failed_message.replay"
    DELETE = "failed_message.delete"
    RESTORE = "failed_message.restore"
    REPLAY_MATCHING = "failed_message.replay_matching"
    DELETE_MATCHING = "failed_message.delete_matching"
    RESTORE_MATCHING = "failed_message.restore_matching"
    REPLAY_ALL = "failed_message.replay_all"
    REJECT_CHANNEL = "channel.reject"
    STOP_JOB = "job.stop"
    PAUSE_PROJECTION = "projection.pause"
    RESUME_PROJECTION = "projection.resume"
    REBUILD_PROJECTION = "projection.rebuild"
    DELETE_MAIL = "mailbox.delete"
    EMPTY_MAILBOX = "mailbox.delete_all"
    REGISTER_EMPLOYEE = "employee.register"
    ACTIVATE_EMPLOYEE = "employee.activate"
    DEACTIVATE_EMPLOYEE = "employee.deactivate"
    INVITE_EMPLOYEE_AGAIN = "employee.invite_again"
    CHOOSE_PASSWORD = "account.choose_password"  # noqa: S105 - no password
    CHANGE_PASSWORD = "account.change_password"  # noqa: S105 - no password
    SIGN_OUT_EVERYWHERE = "account.sign_out_everywhere"
    ADD_OPERATOR = "account.add_operator"
    MAKE_RESET_LINK = "account.make_reset_link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """``sentence`` goes on after the name of who did it."""

    sentence: str
    icon: str


TOLD: Mapping[str, Told] = {
    Audited.REPLAY: Told(sentence="replayed a failed message", icon="repeat"),
    Audited.DELETE: Told(sentence="deleted a failed message", icon="trash"),
    Audited.RESTORE: Told(sentence="restored a failed message", icon="restore"),
    Audited.REPLAY_MATCHING: Told(sentence="replayed many failed messages", icon="repeat"),
    Audited.DELETE_MATCHING: Told(sentence="deleted many failed messages", icon="trash"),
    Audited.RESTORE_MATCHING: Told(sentence="restored many failed messages", icon="restore"),
    Audited.REPLAY_ALL: Told(sentence="replayed all failed messages", icon="repeat"),
    Audited.REJECT_CHANNEL: Told(
        sentence="made failed messages of what waited for a removed channel", icon="alert-triangle"
    ),
    Audited.STOP_JOB: Told(sentence="stopped a job", icon="player-stop"),
    Audited.PAUSE_PROJECTION: Told(sentence="paused a projection", icon="player-pause"),
    Audited.RESUME_PROJECTION: Told(sentence="let a projection go on", icon="player-play"),
    Audited.REBUILD_PROJECTION: Told(sentence="had a projection rebuilt", icon="refresh"),
    Audited.DELETE_MAIL: Told(sentence="deleted a caught mail", icon="mail-x"),
    Audited.EMPTY_MAILBOX: Told(sentence="emptied the mailbox", icon="mail-x"),
    Audited.REGISTER_EMPLOYEE: Told(sentence="registered an employee", icon="user-plus"),
    Audited.ACTIVATE_EMPLOYEE: Told(sentence="activated an employee", icon="user-check"),
    Audited.DEACTIVATE_EMPLOYEE: Told(sentence="deactivated an employee", icon="user-x"),
    Audited.INVITE_EMPLOYEE_AGAIN: Told(sentence="invited an employee again", icon="mail"),
    Audited.CHOOSE_PASSWORD: Told(sentence="chose a password by a mailed link", icon="key"),
    Audited.CHANGE_PASSWORD: Told(sentence="changed their own password", icon="key"),
    Audited.SIGN_OUT_EVERYWHERE: Told(sentence="signed out everywhere", icon="logout"),
    Audited.ADD_OPERATOR: Told(sentence="made an operator on the machine", icon="user-plus"),
    Audited.MAKE_RESET_LINK: Told(
        sentence="made a link for another password on the machine", icon="key"
    ),
}


def told(action: str) -> Told:
    """Of an action that this release does not know, its name in words."""
    return TOLD.get(action) or Told(
        sentence=action.replace(".", ": ").replace("_", " ").replace("-", " "), icon="circle-dot"
    )
