"""The configuration file: read and checked as a whole, every mistake named at once with the nearest key."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bi_governance.backups.encryption import mistakes as key_mistakes
from bi_governance.errors import ConfigurationError
from bi_governance.exemption_file import read_exemptions
from bi_governance.managers import read_managers
from bi_governance.notify.wording import mistakes as wording_mistakes
from bi_governance.settings import Settings

DEFAULT_FILE = Path("config/bi_governance.yml")
SCHEMA_FILE = "bi_governance.schema.json"
NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
# Values under these keys must come from the environment, never from the file itself.
SECRET_KEY = re.compile(r"(secret|password|token|api_key)(_value)?$|^key$|^old_keys\[\d+\]$")
# What a variable is called best where the key alone says too little.
VARIABLES = {"backups.key": "BACKUP_KEY"}
URL_PASSWORD = re.compile(r"://[^/:@\s]*:([^@\s]+)@")
NOT_SECRET = {"token_name", "token_url"}


def load_settings(file: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check a configuration file.

    Raises ConfigurationError with every mistake found, one per line.
    """
    env = os.environ if environment is None else environment
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"there is no configuration at {file}; write one with: bi-governance init"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from error
    try:
        raw = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise ConfigurationError(
            f"{file} must hold sections like 'sources:' and 'policy:', not a {type(raw).__name__}"
        )
    mistakes = [*_literal_secrets(raw), *_unset_variables(raw, env)]
    try:
        settings = Settings.model_validate(_interpolate(raw, env))
    except ValidationError as error:
        mistakes = [*_explain(error), *mistakes]
    else:
        mistakes += wording_mistakes(settings.notices.wording)
        mistakes += key_mistakes(settings.backups.key, settings.backups.old_keys)
        mistakes += _unreadable_managers(settings)
        mistakes += _unreadable_exemptions(settings)
        if not mistakes:
            return settings
    listed = "\n".join(f"  - {mistake}" for mistake in mistakes)
    raise ConfigurationError(f"{file} has {len(mistakes)} mistake(s):\n{listed}")


def _unreadable_managers(settings: Settings) -> list[str]:
    """What is wrong with the file that says who manages whom, if one is named."""
    if settings.people.managers is None:
        return []
    try:
        read_managers(Path(settings.people.managers))
    except ConfigurationError as error:
        return [str(error)]
    return []


def _unreadable_exemptions(settings: Settings) -> list[str]:
    """What is wrong with the file of exemptions, if one is named."""
    if settings.policy.exemptions is None:
        return []
    try:
        read_exemptions(Path(settings.policy.exemptions))
    except ConfigurationError as error:
        return [str(error)]
    return []


def _walk(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, f"{path}[{index}]")
    elif isinstance(value, str):
        yield path, value


def _literal_secrets(raw: object) -> list[str]:
    found = []
    for path, value in _walk(raw):
        key = path.rsplit(".", 1)[-1]
        if (written := URL_PASSWORD.search(value)) and not NAME.search(written[1]):
            found.append(f"{path}: holds a password; write ${{NAME}} in its place and set that variable")
        if SECRET_KEY.search(key) and key not in NOT_SECRET and value and not NAME.search(value):
            name = _variable(path)
            found.append(
                f"{path}: secrets come from the environment; write ${{{name}}} and set that variable"
            )
    return found


def _variable(path: str) -> str:
    key = path.rsplit(".", 1)[-1]
    return VARIABLES.get(path) or re.sub(r"\W+", "_", key).strip("_").upper()


def _unset_variables(raw: object, env: Mapping[str, str]) -> list[str]:
    return [
        f"{path}: the environment variable {name} is not set"
        for path, value in _walk(raw)
        for name in NAME.findall(value)
        if name not in env
    ]


def _interpolate(value: Any, env: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _interpolate(inner, env) for key, inner in value.items()}
    if isinstance(value, list):
        return [_interpolate(inner, env) for inner in value]
    if isinstance(value, str):
        return NAME.sub(lambda match: env.get(match[1], match[0]), value)
    return value


def _explain(error: ValidationError) -> list[str]:
    """Pydantic's findings in sentences; unknown keys name the nearest valid one."""
    found = []
    for item in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            *parents, key = item["loc"]
            valid = _keys_at(tuple(parents))
            near = difflib.get_close_matches(str(key), valid, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else f"valid keys are {', '.join(valid)}"
            found.append(f"{where}: unknown key; {hint}")
        else:
            found.append(f"{where or 'file'}: {item['msg'].removeprefix('Value error, ')}")
    return found


def _keys_at(path: tuple[int | str, ...]) -> list[str]:
    """The keys valid at a place in the file, read off the models themselves."""
    schema = Settings.model_json_schema(by_alias=True)
    here: Any = schema
    for part in path:
        here = _resolve(here, schema)
        if isinstance(part, int):
            here = here.get("items", {})
        else:
            here = here.get("properties", {}).get(part) or here.get("additionalProperties") or {}
    return sorted(_resolve(here, schema).get("properties", {}))


def _resolve(node: Any, schema: Mapping[str, Any]) -> Any:
    if "anyOf" in node:
        node = next((n for n in node["anyOf"] if n.get("type") != "null"), node)
    if "$ref" in node:
        return schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node


def json_schema() -> dict[str, Any]:
    """The schema editors use to check a configuration file."""
    schema = Settings.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "bi-governance", **schema}


def example_text() -> str:
    """The commented example configuration: beside the package in a checkout, inside it in a wheel."""
    here = Path(__file__).parent
    packaged = here / "_config" / DEFAULT_FILE.name
    file = packaged if packaged.exists() else here.parent / DEFAULT_FILE
    return file.read_text(encoding="utf-8")
