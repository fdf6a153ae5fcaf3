"""`lingxiu key …`: keys of the open API."""

from __future__ import annotations

import click

from lingxiu.cli.common import Failed, wake_django


@click.group("key")
def key_group() -> None:
    """Keys of the open API: make one, list them, take one back."""


@key_group.command("new")
@click.argument("name")
@click.option("--for", "username", required=True, metavar="USER", help="As whom it acts, by user name.")
@click.option("--scope", "scopes", multiple=True, required=True, help="What it opens; may be given several times.")
@click.option(
    "--each-minute", type=click.IntRange(1, 100_000), default=120, show_default=True, help="Requests a minute."
)
def key_new(name: str, username: str, scopes: tuple[str, ...], each_minute: int) -> None:
    """Make a key for another system; its secret is shown once."""
    wake_django()
    from django.utils import timezone

    from lingxiu.accounts.models import User
    from lingxiu.exchange.keys import SCOPES, ScopesUnknown, new_key

    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise Failed(
            f"nobody here signs in as {username}: a key acts as a person, make an account for the system first"
        )
    try:
        key, secret = new_key(name, user, scopes, at=timezone.now(), each_minute=each_minute)
    except ScopesUnknown as error:
        raise click.BadParameter(f"{error}: there are {', '.join(SCOPES)}", param_hint="--scope") from error
    click.echo(
        f"key {key.pk} for {user.username}: {', '.join(key.scopes)}. Its secret, which is not kept here:\n{secret}"
    )


@key_group.command("list")
def key_list() -> None:
    """List the keys there are and were."""
    wake_django()
    from lingxiu.exchange.models import Key

    for key in Key.objects.select_related("user"):
        state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "in use"
        last = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        click.echo(
            f"{key.pk:>5}  {key.hint}…  {key.user.username}  {state}, last used {last}  {','.join(key.scopes)}  {key.name}"
        )


@key_group.command("revoke")
@click.argument("key")
def key_revoke(key: str) -> None:
    """Take a key back, by its number or the beginning of its secret, as `list` shows them."""
    wake_django()
    from django.utils import timezone

    from lingxiu.exchange.keys import KeyUnknown, revoke_key

    try:
        gone = revoke_key(key, at=timezone.now())
    except KeyUnknown as error:
        raise Failed(f"no key in use is called {key}: `lingxiu key list` lists them") from error
    click.echo(f"key {gone.pk} ({gone.name}) opens nothing any more")
