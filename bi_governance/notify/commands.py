"""The slash command `/bi`: status, mine, why, keep, mode and approve, for owners and admins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import tzinfo
from typing import Final

from bi_governance import events as ev
from bi_governance.answer import Answer, Click, Clicker, Desk
from bi_governance.batches import Outlook, outlook, outlook_lines
from bi_governance.errors import GovernanceError
from bi_governance.explain import current_plan, status
from bi_governance.hearing import give, why
from bi_governance.model import Action, Facts, Mode, VisualKey
from bi_governance.notify import forms
from bi_governance.notify.approving import ask_for_approval
from bi_governance.notify.conversation import Conversation
from bi_governance.notify.refusing import Refused, by_form, code_of, must_be_new, record_refusal
from bi_governance.notify.requests import Command, Submission
from bi_governance.notify.said import explained
from bi_governance.plan import EFFECTS
from bi_governance.policy import Decision
from bi_governance.ports import Services
from bi_governance.run import gather
from bi_governance.switch import EVERYWHERE, go_live, may_go_live, switch

Lines = list[str]
DEFAULT_KEEP_DAYS = 90
MOST_ROWS = 40
USAGE = (
    "/bi mine - what is yours and on the list",
    "/bi why LINK-OR-KEY - everything known and decided about one visual",
    f"/bi keep KEY [DAYS] - keep it, {DEFAULT_KEEP_DAYS} days unless said otherwise",
    "/bi status - where every source stands",
    "/bi mode dry-run|live - admins: stop, or go live",
    "/bi approve - admins: approve the deletions that are due, where that is asked for",
)


def answer_command(desk: Desk, slack: Conversation, command: Command) -> None:
    """Do what a command asks for and tell its author; refusals are recorded."""
    who = slack.clicker(command.user, command.user_name)
    verb, *words = command.words or ("help",)
    try:
        if verb == "mode":
            _ask_for_mode(desk, slack, who, words, command.trigger)
            return
        if verb == "approve":
            ask_for_approval(desk, slack, who, command.trigger)
            return
        lines = _VERBS.get(verb, _help)(desk, who, words, command)
    except (Refused, GovernanceError) as error:
        record_refusal(desk, who, f"/bi {verb}", code_of(error), str(error))
        lines = [str(error)]
    slack.reply(command.reply_to, forms.texts(lines))


def _help(_desk: Desk, _who: Clicker, _words: Lines, _command: Command) -> Lines:
    return list(USAGE)


def _status(desk: Desk, who: Clicker, _words: Lines, _command: Command) -> Lines:
    with desk.taking_turn():
        if not who.is_one_of(desk.admins) and not _own(desk, who):
            raise Refused("unauthorised", "This is for admins and for owners of something.")
        found = status(desk.services)
    zone = desk.services.policy.window.zone
    lines = [
        f"{s.source} ({s.platform}): {s.mode}, {s.visuals} visuals, "
        + ", ".join(f"{count} {action}" for action, count in sorted(s.actions.items()))
        for s in found.sources
    ]
    lines += [f"Stopped {s.source}: {v.guard} - {v.reason}" for s in found.sources for v in s.vetoes]
    last = f"{found.last_success.astimezone(zone):%Y-%m-%d %H:%M}" if found.last_success else "never"
    return [
        *lines,
        f"{len(found.due)} on the list, {len(found.restorable)} can be restored",
        f"Last run: {last}",
    ]


def _mine(desk: Desk, who: Clicker, _words: Lines, _command: Command) -> Lines:
    with desk.taking_turn():
        own = _own(desk, who)
        state = desk.services.ledger.state()
        plan = current_plan(desk.services, state, gather(desk.services, state))
    zone = desk.services.policy.window.zone
    listed = [(own[d.key], d) for d in plan.decisions if d.key in own and (d.action in EFFECTS or d.deadline)]
    if not listed:
        return [f"{len(own)} visuals are yours; none of them is on the list."]
    rows = [f"{f.title} ({f.key}): {_when(d, zone)}" for f, d in listed[:MOST_ROWS]]
    more = [f"and {len(listed) - MOST_ROWS} more"] if len(listed) > MOST_ROWS else []
    return [f"{len(own)} visuals are yours, {len(listed)} on the list:", *rows, *more]


def _when(decision: Decision, zone: tzinfo) -> str:
    if decision.deadline is None:
        return "about to be put on the list"
    return f"deleted not before {decision.deadline.astimezone(zone):%Y-%m-%d}"


def _own(desk: Desk, who: Clicker) -> dict[VisualKey, Facts]:
    """What the platforms say somebody owns, and what was handed over to them."""
    cases, email = desk.services.ledger.state().cases, who.email.lower()
    found = {}
    for facts in desk.services.warehouse.facts():
        owner, case = facts.owner, cases.get(facts.key)
        is_owner = bool(email and owner and owner.email and owner.email.strip().lower() == email)
        handed = case.handed_over if case else None
        if is_owner or (handed is not None and handed.to_id == who.id):
            found[facts.key] = facts
    return found


def _why(desk: Desk, who: Clicker, words: Lines, command: Command) -> Lines:
    key = _key(desk, " ".join(words))
    reply, found = why(desk, Click(who, Answer.WHY, key, f"command/{command.trigger}"))
    zone = desk.services.policy.window.zone
    return list(explained(found, zone)) if found else [reply.said]


def _keep(desk: Desk, who: Clicker, words: Lines, command: Command) -> Lines:
    *name, last = words or [""]
    if not name:
        name, last = [last], str(DEFAULT_KEEP_DAYS)
    if not last.isdecimal():
        raise Refused("invalid", "Write /bi keep KEY DAYS, for example: /bi keep looker_prod:dashboard:42 90")
    key = _key(desk, " ".join(name))
    click = Click(who, Answer.KEEP, key, f"command/{command.trigger}", days=int(last[:6]))
    return [give(desk, click).said]


_VERBS: Final[Mapping[str, Callable[[Desk, Clicker, Lines, Command], Lines]]] = {
    "status": _status,
    "mine": _mine,
    "why": _why,
    "keep": _keep,
}


def _key(desk: Desk, text: str) -> VisualKey:
    """A visual by key, or by the link people have; Slack may have put the link between < and >."""
    text = text.strip().strip("<>").split("|")[0]
    if not text:
        raise Refused("invalid", "Name a visual by its key or its link.")
    if not text.startswith(("http://", "https://")):
        return _known(desk, VisualKey.parse(text))
    with desk.taking_turn():
        found = [f.key for f in desk.services.warehouse.facts() if f.url and _same_page(f.url, text)]
    if len(found) != 1:
        raise Refused("invalid", "No single visual is known under that link; use its key.")
    return found[0]


def _same_page(known: str, given: str) -> bool:
    bare = given.partition("#")[0].partition("?")[0]
    return known == given or known.rstrip("/") == bare.rstrip("/")


def _known(desk: Desk, key: VisualKey) -> VisualKey:
    if key in desk.services.ledger.state().cases:
        return key
    with desk.taking_turn():
        if any(f.key == key for f in desk.services.warehouse.facts()):
            return key
    raise Refused("invalid", f"No visual {key} is known.")


# --- mode


def _ask_for_mode(desk: Desk, slack: Conversation, who: Clicker, words: Lines, trigger: str) -> None:
    """Open the form that asks for the reason; for live, with tonight's list."""
    new = _wanted_mode(desk, who, words)
    kept: dict[str, str] = {}
    if new is Mode.DRY_RUN:
        lines = ["From now on nothing is deleted anywhere. It takes effect before the next single removal."]
        slack.open_form(trigger, forms.switch_mode(new, lines, "", kept))
        return
    view = slack.open_form(trigger, forms.reading("Mode: live", ["Looking up tonight's list…"]))
    try:
        may_go_live(desk.services)
        with desk.taking_turn():
            found = outlook(desk.services)
    except GovernanceError as error:
        record_refusal(desk, who, "/bi mode live", "refused", str(error))
        slack.fill_form(view, forms.reading("Mode: live", [str(error)]))
        return
    zone = desk.services.policy.window.zone
    slack.fill_form(view, forms.switch_mode(new, list(_tonight(found, zone)), EVERYWHERE, kept))


def _wanted_mode(desk: Desk, who: Clicker, words: Lines) -> Mode:
    if not who.is_one_of(desk.admins):
        raise Refused("unauthorised", "Only those listed in slack.admins may switch the mode.")
    if words not in ([str(Mode.DRY_RUN)], [str(Mode.LIVE)]):
        raise Refused("invalid", "Write /bi mode dry-run or /bi mode live.")
    return Mode(words[0])


def _tonight(found: Outlook, zone: tzinfo) -> Iterator[str]:
    plan = found.plan
    yield f"From now on owners are warned and unused visuals deleted at {EVERYWHERE}. A run now would:"
    listed = plan.of(Action.DELETE, Action.WARN, Action.REMIND)
    yield from (f"{d.action} {d.key}: {'; '.join(map(str, d.reasons))}" for d in listed[:MOST_ROWS])
    if len(listed) > MOST_ROWS:
        yield f"and {len(listed) - MOST_ROWS} more"
    if not listed:
        yield "do nothing"
    yield from outlook_lines(found, zone)
    yield from (f"not act at {v.source}: {v.guard} - {v.reason}" for v in plan.vetoes)


def send_mode(desk: Desk, slack: Conversation, who: Clicker, sent: Submission) -> None:
    """Switch as the form says, if all that the command line asks for holds; refusals are recorded."""
    what = f"/bi mode {sent.kept.get('mode', '')}"
    try:
        new = _wanted_mode(desk, who, [sent.kept.get("mode", "")])
        reason = " ".join(sent.fields.get(forms.REASON, "").split())
        if not reason:
            raise Refused("invalid", "Switching the mode needs a reason for the ledger; nothing was changed.")
        must_be_new(desk, sent.id, ev.ModeChanged, ev.LiveRequested)
        if new is Mode.LIVE and sent.fields.get(forms.CONFIRMATION, "").strip() != EVERYWHERE:
            raise Refused("unconfirmed", f"Not confirmed: '{EVERYWHERE}' was not typed; nothing was changed.")
        said = _switch(desk.services, new, by_form(who, sent.id), reason)
    except (Refused, GovernanceError) as error:
        record_refusal(desk, who, what, code_of(error), str(error))
        said = str(error)
    slack.whisper("", who.id, said)


def _switch(services: Services, new: Mode, actor: str, reason: str) -> str:
    if new is Mode.LIVE:
        return go_live(services, actor=actor, reason=reason)
    switch(services, new, actor=actor, reason=reason)
    return f"{EVERYWHERE}: {new} from now on."
