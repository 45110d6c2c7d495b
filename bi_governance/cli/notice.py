"""Commands about the messages people get."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bi_governance.cli.main import AsOfOption, ConfigOption, JsonOption, Options, app, emit, err, out
from bi_governance.cli.people import KeyArgument
from bi_governance.cli.views import message_view
from bi_governance.errors import StorageError
from bi_governance.model import NoticeKind
from bi_governance.notify.message import Message
from bi_governance.notify.pages import reader_line, render_html
from bi_governance.preview import Preview
from bi_governance.preview import preview as preview_one

notices = typer.Typer(help="What people are told.", no_args_is_help=True)
app.add_typer(notices, name="notice")


@notices.command()
def preview(
    context: typer.Context,
    key: KeyArgument,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
    json: JsonOption = None,
    kind: Annotated[
        NoticeKind | None, typer.Option("--kind", help="As this kind of notice, whether it is due or not.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the message as a page to FILE.html.")
    ] = None,
) -> None:
    """Show the message the owner of a visual would get now; sends and records nothing."""
    options: Options = context.obj.with_later(config, as_of, None, json)
    with options.open() as opened:
        found = preview_one(opened.services, key, kind)
        message = opened.notifier.compose(found.digest)
    if output is not None:
        _write(output, render_html(message, found.digest.recipient))
    reader = reader_line(found.digest.recipient)
    emit(options, _json(found, message), lambda: out.print(message_view(message, reader)))
    for remark in found.remarks:
        err.print(remark, markup=False, soft_wrap=True)


def _write(file: Path, page: str) -> None:
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"the message could not be written to {file}: {error.strerror}") from error


def _json(found: Preview, message: Message) -> dict[str, object]:
    digest = found.digest
    return {
        "kind": str(digest.kind),
        "mode": str(digest.mode),
        "recipient": digest.recipient.address,
        "succession": digest.recipient.succession,
        "title": message.title,
        "paragraphs": list(message.paragraphs),
        "items": [
            {
                "key": str(given.facts.key),
                "title": item.title,
                "link": item.link,
                "labels": list(item.labels),
                "facts": {fact.name: fact.text for fact in item.facts},
            }
            for given, item in zip(digest.items, message.items, strict=True)
        ],
        "footer": list(message.footer),
        "remarks": list(found.remarks),
    }
