"""Who may use the service, and who did: keys, users, audit."""

from __future__ import annotations

import re
import secrets
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.options import HERE, Folder, Json, open_workspace
from forecast.errors import InvalidInput
from forecast.terminal import Terminal, records

if TYPE_CHECKING:
    import pandas as pd

    from forecast.workspace import Workspace

app = typer.Typer()
keys = typer.Typer(no_args_is_help=True, help="API keys.")
users = typer.Typer(no_args_is_help=True, help="People who log in to the pages.")
app.add_typer(keys, name="keys")
app.add_typer(users, name="users")

#: Who the audit log names for what is done by command.
_ACTOR = "command line"

Role = Annotated[str, typer.Option(help="rep, manager, operations, engineer or admin.")]
CrmUser = Annotated[str | None, typer.Option("--user", help="CRM user whose rows are shown (rep, manager).")]
LoginName = Annotated[str, typer.Argument(metavar="NAME", help="The name to log in with.")]
Generate = Annotated[bool, typer.Option("--generate", help="Make a password up and show it, once.")]
FromStdin = Annotated[bool, typer.Option("--stdin", help="Read the password from standard input.")]


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    role: Role,
    user: CrmUser = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="A part of the service that it opens; repeat. Default all of the role.")
    ] = None,
    expires: Annotated[str, typer.Option(help="Days such as 90d, a DATE, or never.")] = "365d",
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Make an API key; it is shown once and stored only as a hash."""
    from api.rights import check_scopes

    opened = open_workspace(workspace)
    check_scopes(role, scope or [])
    ends = _moment(opened, expires)
    key = opened.store.create_key(name, role, user_id=user, expires_at=ends, scopes=scope or None)
    made = opened.store.find_key(key)
    key_id = None if made is None else made.id
    opened.store.audit(_ACTOR, "create key", f"key {key_id} of role {role}")
    terminal = Terminal(as_json)
    terminal.say(key)
    terminal.result({"id": key_id, "key": key, "expires_at": ends})


@keys.command("list")
def list_keys(workspace: Folder = HERE, as_json: Json = False) -> None:
    """All keys, without their secret."""
    import pandas as pd

    columns = ["id", "name", "role", "user_id", "scopes", "prefix", "created_at", "expires_at", "revoked_at"]
    issued = open_workspace(workspace).store.keys()
    rows = [vars(key) | {"scopes": "all" if key.scopes is None else ", ".join(sorted(key.scopes))} for key in issued]
    _show(pd.DataFrame(rows, columns=columns), as_json)


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[int, typer.Argument(metavar="ID", help="The key's number in `keys list`.")],
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Revoke a key now."""
    store = open_workspace(workspace).store
    store.revoke_key(key_id)
    store.audit(_ACTOR, "revoke key", f"key {key_id}")
    _done(as_json, f"Key {key_id} is revoked.", revoked=key_id)


@users.command("add")
def add_user(
    name: LoginName,
    role: Role,
    user: CrmUser = None,
    email: Annotated[str | None, typer.Option(help="Where reports are sent.")] = None,
    lang: Annotated[str | None, typer.Option(help="en or zh; default the browser's.")] = None,
    generate: Generate = False,
    stdin: FromStdin = False,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Let somebody log in to the pages. The password is asked for; it never stands on the command line."""
    store = open_workspace(workspace).store
    if lang not in (None, "en", "zh"):
        raise InvalidInput(f"`--lang` must be en or zh, got {lang!r}.")
    password = _password(generate, stdin)
    login = store.add_login(name, role, password, user_id=user, email=email, lang=lang)
    store.audit(_ACTOR, "add user", f"login {login.id} of role {role}")
    shown = {"password": password} if generate else {}
    _done(as_json, f"{login.name} can log in.", added=login.name, **shown)


@users.command("list")
def list_users(workspace: Folder = HERE, as_json: Json = False) -> None:
    """Everybody who may log in, or might once."""
    import pandas as pd

    columns = ["id", "name", "role", "user_id", "email", "lang", "created_at", "disabled_at", "last_login_at"]
    rows = [vars(login) for login in open_workspace(workspace).store.logins()]
    _show(pd.DataFrame(rows, columns=columns), as_json)


@users.command("set-password")
def set_password(
    name: LoginName,
    generate: Generate = False,
    stdin: FromStdin = False,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Give somebody a new password; all sessions of theirs end."""
    store = open_workspace(workspace).store
    login = store.login(name)
    password = _password(generate, stdin)
    store.set_password(name, password)
    store.audit(_ACTOR, "set password", f"login {login.id}")
    shown = {"password": password} if generate else {}
    _done(as_json, f"{login.name} has a new password.", changed=login.name, **shown)


@users.command("set-role")
def set_role(
    name: LoginName, role: Role, user: CrmUser = None, workspace: Folder = HERE, as_json: Json = False
) -> None:
    """Give somebody another role; all sessions of theirs end."""
    store = open_workspace(workspace).store
    store.set_role(name, role, user)
    login = store.login(name)
    store.audit(_ACTOR, "set role", f"login {login.id} to {role}")
    _done(as_json, f"{login.name} is {role} now.", changed=login.name, role=role)


@users.command("disable")
def disable_user(name: LoginName, workspace: Folder = HERE, as_json: Json = False) -> None:
    """Let somebody in no more; all sessions of theirs end at once."""
    _switch(workspace, name, as_json, disabled=True)


@users.command("enable")
def enable_user(name: LoginName, workspace: Folder = HERE, as_json: Json = False) -> None:
    """Let somebody in again."""
    _switch(workspace, name, as_json, disabled=False)


@app.command()
def audit(
    since: Annotated[str | None, typer.Option(help="DATE or moment; default all.")] = None,
    actor: Annotated[str | None, typer.Option(help="Such as `key 7` or `login 3`.")] = None,
    last: Annotated[int, typer.Option(min=1, help="At most so many lines, the latest.")] = 1000,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Who read or changed what: the audit log, oldest line first."""
    opened = open_workspace(workspace)
    moment = None if since is None else opened.moment(since)
    lines = opened.store.audit_log(since=moment, actor=actor, last=last)
    issued = opened.store.keys()
    known = {f"key {key.id}": key.name for key in issued}
    known |= {f"login {login.id}": login.name for login in opened.store.logins()}
    lines.insert(3, "name", lines["actor"].map(known).fillna(""))
    _show(lines, as_json)


def _switch(workspace: Folder, name: str, as_json: bool, *, disabled: bool) -> None:
    store = open_workspace(workspace).store
    store.disable_login(name, disabled=disabled)
    done = "disable" if disabled else "enable"
    store.audit(_ACTOR, f"{done} user", f"login {store.login(name).id}")
    _done(as_json, f"{name} is {done}d.", changed=name, disabled=disabled)


def _moment(opened: Workspace, expires: str) -> datetime | None:
    """When a key ends: so many days from now, at a date, or never."""
    if expires == "never":
        return None
    if days := re.fullmatch(r"(\d{1,5})d", expires):
        return opened.clock.now() + timedelta(days=int(days[1]))
    ends = opened.moment(expires)
    if ends <= opened.clock.now():
        raise InvalidInput(f"`--expires` must lie ahead, got {expires!r}.")
    return ends


def _password(generate: bool, stdin: bool) -> str:
    if generate:
        return secrets.token_urlsafe(15)
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _show(frame: pd.DataFrame, as_json: bool) -> None:
    terminal = Terminal(as_json)
    terminal.table(frame)
    terminal.result(records(frame))


def _done(as_json: bool, said: str, **result: object) -> None:
    terminal = Terminal(as_json)
    terminal.say(said)
    if "password" in result:
        terminal.say(f"Password: {result['password']}")
    terminal.result(result)
