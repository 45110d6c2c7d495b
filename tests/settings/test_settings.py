"""Configuration: defaults are safe, every mistake is named at once, secrets stay out of the file."""

import json
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from bi_governance.config_file import DEFAULT_FILE, example_text, json_schema, load_settings
from bi_governance.errors import ConfigurationError
from bi_governance.guards import Limits
from bi_governance.rules import Match, Policy
from bi_governance.settings import Settings
from bi_governance.standing import RegretBudget
from bi_governance.window import YearPart

ROOT = Path(__file__).parents[2]
ENV = {
    "LOOKER_CLIENT_ID": "id",
    "LOOKER_CLIENT_SECRET": "s3cret-value",
    "SUPERSET_PASSWORD": "p4ssword-value",
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_APP_TOKEN": "xapp-1",
}


def load(tmp_path, text, env=ENV):
    file = tmp_path / "bi.yml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, env)


def refusal(tmp_path, text, env=ENV):
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text, env)
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_an_empty_file_is_the_safe_default(tmp_path):
    settings = load(tmp_path, "")
    assert settings.to_policy() == Policy(window=settings.to_policy().window)
    assert settings.to_limits() == Limits()


def test_the_example_loads_and_says_what_the_defaults_are(tmp_path):
    settings = load(tmp_path, example_text())
    bare = Settings()
    assert settings.limits == bare.limits.model_copy()
    assert settings.policy.model_copy(update={"rules": ()}) == bare.policy
    assert settings.trial == bare.trial
    assert settings.sources["looker_prod"].options["client_secret"] == "s3cret-value"


def test_the_example_names_every_setting():
    """Docs are tested: a setting that the example does not show does not exist for users."""
    text = example_text()
    schema = Settings.model_json_schema(by_alias=True)
    for definition in [schema, *schema["$defs"].values()]:
        for key in definition.get("properties", {}):
            assert f"{key}:" in text or f"{key}," in text or key in {"source", "owner", "tag", "title"}, key


def test_every_mistake_is_named_at_once_with_the_nearest_key(tmp_path):
    said = refusal(
        tmp_path,
        """
        polcy: {}
        policy: {idel_days: 3, rules: [{name: x, match: {foldr: a}}]}
        limits: {delete_per_run: many}
        schedule: {timezone: Mars/Base}
        """,
    )
    assert "5 mistake(s)" in said
    for hint in ("'policy'", "'idle_days'", "'folder'", "limits.delete_per_run", "Europe/Amsterdam"):
        assert hint in said


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("policy: {idle_days: 0}", "policy.idle_days"),
        ("policy: {idle_days: 7, warning_days: 7}", "must be smaller"),
        ("policy: {rules: [{name: r, idle_days: 5}]}", "rule 'r'"),
        ("policy: {reminder_days: [0]}", "reminder_days"),
        (
            "policy: {rules: [{name: r, match: {title_regex: '[a'}}]}",
            "rule 'r': title_regex '[a'",
        ),
        ("policy: {rules: [{name: r, match: {owner: []}}]}", "match.owner"),
        ("policy: {rules: [{name: r, match: {group: []}}]}", "match.group"),
        ("policy: {rules: [{name: r, match: {created_within_days: 0}}]}", "created_within_days"),
        ("policy: {season_days: 365}", "policy.season_days"),
        (
            "policy: {rules: [{name: r, protect: true, between: [12-01, 02-30]}]}",
            "rule 'r': '02-30' in between",
        ),
        ("policy: {rules: [{name: r, protect: true, between: [1 Dec, 02-15]}]}", "no day of the year"),
        ("policy: {rules: [{name: r, protect: true, between: ['12-01']}]}", "between"),
        ("policy: {rules: [{name: r, between: ['12-01', '02-15']}]}", "add protect: true"),
        ("limits: {delete_per_run: -1, delete_percent: 1}", "delete_per_run"),
        ("limits: {delete_per_run: 5}", "both a count and a percent"),
        ("limits: {delete_percent: 5}", "both a count and a percent"),
        ("limits: {delete_per_run: 5, delete_percent: 101}", "delete_percent"),
        ("limits: {regret: {count: 2}}", "limits.regret.percent"),
        ("limits: {regret: {count: 2, percent: 5}}", "limits.regret.days"),
        ("limits: {regret: {count: -1, percent: 5, days: 30}}", "limits.regret.count"),
        ("limits: {delete_per_owner: -1}", "limits.delete_per_owner"),
        ("trial: {renew_days: 0}", "trial.renew_days"),
        ("schedule: {daily_at: '25:00'}", "daily_at"),
        ("schedule: {delete_window: {hours: '16:00-09:00'}}", "never open"),
        ("schedule: {delete_window: {days: [], hours: '09:00-16:00'}}", "nothing could ever"),
        ("schedule: {delete_window: {days: [monday]}}", "delete_window.days"),
        ("schedule: {notice_window: {hours: '18:00-08:00'}}", "never open"),
        ("schedule: {notice_window: {days: []}}", "nothing could ever happen"),
        ("notices: {wording: {title.warnin: x}}", "did you mean 'title.warning'?"),
        ("notices: {wording: {title.warning: '{who}'}}", "unknown placeholder {who}"),
        ("dry_run: {notices: everybody}", "dry_run.notices"),
        (
            "sources: {a: {platform: looker, canaries: ['42']}}",
            "source:type:native_id, e.g. a:dashboard:42",
        ),
        ("sources: {a: {platform: looker, canaries: ['a:look:']}}", "'a:look:' is not a visual key"),
        ("sources: {a: {platform: looker, canaries: ['b:look:x:1']}}", "write a:look:x:1 if it is here"),
        ("limits: {canary_days: 0}", "canary_days"),
        ("limits: {busiest_percent: 0}", "busiest_percent"),
        ("sources: {'bad:name': {platform: looker}}", "sources"),
        ("sources: {a: {base_url: x}}", "platform"),
        ("slack: {bot_token: '${NOT_THERE}'}", "NOT_THERE is not set"),
        ("slack: {bot_token: xoxb-literal}", "secrets come from the environment"),
        ("email: {host: h, sender: bi@acme.example, password: abc}", "secrets come from the environment"),
        ("email: {host: h, sender: bi@acme.example, username: bi}", "belong together"),
        (
            "email: {host: h, sender: b@x.y, username: b, password: '${SLACK_BOT_TOKEN}', starttls: no}",
            "only sent over an encrypted connection",
        ),
        ("email: {host: h, sender: 'BI <bi@acme.example>'}", "email.sender"),
        ("email: {host: h, sender: bi@acme..example}", "email.sender"),
        ("email: {sender: bi@acme.example}", "email.host"),
        ("sources: {a: {platform: looker, client_secret: abc}}", "${CLIENT_SECRET}"),
        ("warehouse: {url: 'postgresql://u:topsecret@db/x'}", "warehouse.url: holds a password"),
        ("- a\n- b", "sections"),
        ("policy: {idle_days: [", "not valid YAML"),
        ("policy: 3", "policy"),
    ],
)
def test_bad_values_get_one_clear_sentence(tmp_path, text, hint):
    said = refusal(tmp_path, text)
    assert hint in said
    assert "Traceback" not in said
    assert "pydantic" not in said


def test_zero_means_zero(tmp_path):
    limits = load(
        tmp_path, "limits: {delete_per_run: 0, delete_percent: 0, warn_per_run: 0}\ntrial: {days: 0}"
    ).to_limits()
    assert (limits.delete_per_run, limits.delete_percent, limits.warn_per_run, limits.trial_days) == (
        0,
        0,
        0,
        0,
    )


def test_zero_regret_is_a_budget_and_null_is_none(tmp_path):
    budget = load(tmp_path, "limits: {regret: {count: 0, percent: 0, days: 1}}").to_limits().regret
    assert budget == RegretBudget(0, 0, 1)
    assert load(tmp_path, "limits: {regret: null}").to_limits().regret is None
    owner = [
        load(tmp_path, f"limits: {{delete_per_owner: {n}}}").to_limits().delete_per_owner
        for n in ("0", "null")
    ]
    assert owner == [0, None]


def test_what_live_rests_on_can_be_set(tmp_path):
    limits = load(tmp_path, "trial: {valid_days: null, renew_days: 90, second_admin: true}").to_limits()
    assert (limits.trial_valid_days, limits.live_renew_days, limits.second_admin) == (None, 90, True)


def test_null_ramp_means_no_ramp(tmp_path):
    assert load(tmp_path, "limits: {ramp: null}").to_limits().ramp_first is None


def test_secrets_never_show_in_a_refusal(tmp_path):
    said = refusal(tmp_path, "slack: {bot_token: '${SLACK_BOT_TOKEN}', nonsense: 1}\npolicy: {idle_days: x}")
    assert "xoxb-1" not in said
    # A mistake about the whole section, of which the secret is a part.
    said = refusal(tmp_path, "email: {host: h, sender: bi@acme.example, password: '${SLACK_BOT_TOKEN}'}")
    assert "belong together" in said
    assert "xoxb-1" not in said


def test_a_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(ConfigurationError, match="bi-governance init"):
        load_settings(tmp_path / "none.yml", {})


def test_the_window_and_zone_reach_the_policy(tmp_path):
    text = """
    schedule:
      timezone: Europe/Amsterdam
      delete_window: {days: [mon, tue], hours: "09:00-24:00", holidays: [2026-12-25]}
    """
    window = load(tmp_path, text).to_policy().window
    assert window.days == {0, 1}
    assert (window.opens, window.closes) == (time(9), time.max)
    assert window.holidays == {date(2026, 12, 25)}
    assert window.is_open(datetime(2026, 3, 2, 8, 0, tzinfo=UTC))
    assert not window.is_open(datetime(2026, 3, 2, 7, 59, tzinfo=UTC))


def test_history_is_read_a_month_further_than_the_longest_threshold(tmp_path):
    text = "policy: {rules: [{name: r, match: {type: look}, idle_days: 90}]}"
    assert load(tmp_path, text).history_days() == 120


def test_more_history_is_read_where_it_is_asked_for(tmp_path):
    assert load(tmp_path, "policy: {history_days: 400}").history_days() == 400
    assert load(tmp_path, "policy: {history_days: 10}").history_days() == 90


def test_what_a_rule_speaks_about_reaches_the_policy(tmp_path):
    match = (
        "{owner: ['a*', 'b*'], group: [f, 'g*'], title_regex: '^x', certified: true, created_within_days: 30}"
    )
    (rule,) = load(tmp_path, f"policy: {{rules: [{{name: r, match: {match}}}]}}").to_policy().rules
    assert rule.match == Match(
        owner=("a*", "b*"), group=("f", "g*"), title_regex="^x", certified=True, created_within_days=30
    )


def test_seasons_reach_the_policy(tmp_path):
    text = """
    policy:
      season_days: 14
      rules: [{name: year end, protect: true, between: ["12-01", "02-29"]}, {name: r, season_days: 0}]
    """
    policy = load(tmp_path, text).to_policy()
    assert (policy.season_days, policy.rules[0].between) == (14, YearPart((12, 1), (2, 29)))
    assert [rule.season_days for rule in policy.rules] == [None, 0]


def test_the_digest_follows_what_shapes_decisions_and_nothing_else(tmp_path):
    plain = load(tmp_path, "").digest()
    assert load(tmp_path, "policy: {idle_days: 61}").digest() != plain
    assert load(tmp_path, "limits: {delete_per_run: 1, delete_percent: 1}").digest() != plain
    assert load(tmp_path, "outbox: elsewhere").digest() == plain


def test_the_published_schema_is_the_one_the_program_uses():
    published = json.loads(
        (ROOT / DEFAULT_FILE.parent / "bi_governance.schema.json").read_text(encoding="utf-8")
    )
    assert published == json_schema(), "write it again with: scripts/schema"
