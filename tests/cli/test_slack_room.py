"""What `slack sync` takes from the settings."""

from pathlib import Path

import pytest

from bi_governance.app import App
from bi_governance.config_file import load_settings
from bi_governance.errors import ConfigurationError
from bi_governance.notify.announcement import ANNOUNCEMENT, compose_channel_announcement, version

BUILT_IN = {"channel": "#tidy", "idle_days": 90, "warning_days": 7, "retention_days": 30}


def app_of(folder: Path, slack: str) -> App:
    file = folder / "bi.yml"
    file.write_text(f"policy: {{idle_days: 90}}\n{slack}", encoding="utf-8")
    return App(load_settings(file, {"TOKEN": "xoxb-x"}))


def test_the_built_in_announcement_says_what_the_settings_say(tmp_path) -> None:
    room, wanted = app_of(tmp_path, 'slack: {bot_token: "${TOKEN}", channel: "#tidy"}').room()
    assert room.name == "#tidy"
    assert wanted.version == version(compose_channel_announcement(ANNOUNCEMENT, BUILT_IN))
    assert len(wanted.topic) > 0


def test_a_company_brings_its_own_words(tmp_path) -> None:
    text = "Hallo\n\nIn $channel, nach $idle_days Tagen."
    (tmp_path / "own.txt").write_text(text, encoding="utf-8")
    lines = (
        f'slack: {{bot_token: "${{TOKEN}}", channel: "#tidy", topic: "", announcement: {tmp_path}/own.txt}}'
    )
    _, wanted = app_of(tmp_path, lines).room()
    assert wanted.version == version(compose_channel_announcement(text, BUILT_IN))
    assert wanted.topic == ""


@pytest.mark.parametrize(
    ("slack", "said"),
    [
        ("", r"there is no slack\.channel"),
        ('slack: {bot_token: "${TOKEN}", channel: ""}', r"there is no slack\.channel"),
        (
            'slack: {bot_token: "${TOKEN}", announcement: nowhere.txt}',
            r"slack\.announcement: nowhere\.txt cannot",
        ),
        (f'slack: {{bot_token: "${{TOKEN}}", topic: "{"x" * 251}"}}', "250"),
    ],
)
def test_what_is_missing_is_said(tmp_path, slack, said) -> None:
    with pytest.raises(ConfigurationError, match=said):
        app_of(tmp_path, slack).room()
