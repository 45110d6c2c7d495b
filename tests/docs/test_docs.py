"""The documents keep up with the program: everything it has is there, nothing is there that it has not."""

from __future__ import annotations

import ast
import os
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

import bi_governance.cli  # noqa: F401 - registers the commands
from bi_governance import guards, policy, protection
from bi_governance.cli.main import app
from bi_governance.config_file import load_settings
from bi_governance.connectors.looker.backup import LOST_ON_REBUILD
from bi_governance.connectors.registry import COMMON, PLATFORMS
from bi_governance.events import KINDS
from bi_governance.fidelity import Part
from bi_governance.model import Action
from bi_governance.otherwise import SENTENCES
from bi_governance.plan import AWAITS_APPROVAL
from bi_governance.settings import Settings
from tests.docs.pages import (
    PAGES,
    ROOT,
    Block,
    anchors,
    blocks,
    declared_in,
    links,
    names_in_first_cells,
    rows,
    section,
    text_of,
)
from tests.prove.defences.catalogue import read, table


def commands_of(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by the words that call it, e.g. `plan` and `notice preview`."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


COMMANDS = dict(commands_of(typer.main.get_command(app)))
CONFIGURATION = text_of("docs/configuration.md")
OPERATIONS = text_of("docs/operations.md")
LEDGER = text_of("docs/ledger.md")


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


# --- commands


def options_of(command: Any) -> set[str]:
    """The long names of a command's own options; every command has --help."""
    options = (param for param in command.params if param.param_type_name == "option")
    return {name for option in options for name in option.opts if name.startswith("--")} - {"--help"}


def test_every_command_has_a_section_and_no_section_lacks_a_command() -> None:
    headings = set(re.findall(r"^### `(.+)`$", text_of("docs/commands.md"), re.MULTILINE))
    assert headings == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_section_names_the_options_of_its_command(name: str) -> None:
    written = set(re.findall(r"--[a-z-]+", section(text_of("docs/commands.md"), f"### `{name}`")))
    # A section may say that an option of the whole program is refused.
    assert written - {"--as-of", "--source"} <= options_of(COMMANDS[name])
    assert options_of(COMMANDS[name]) <= written


def test_the_options_of_the_whole_program_are_there() -> None:
    root = typer.main.get_command(app)
    shared = text_of("docs/commands.md").partition("## Set-up")[0]
    names = {name for p in root.params for name in p.opts} | {"--help", "-h"}
    assert names == names_in_first_cells(shared)


def test_short_options_are_there() -> None:
    text = text_of("docs/commands.md")
    short = {n for c in COMMANDS.values() for p in c.params for n in p.opts if re.fullmatch(r"-\w", n)}
    assert {name for name in short if f"`{name}`" not in text} == set()


def command_lines() -> Iterator[tuple[str, list[str]]]:
    for block in blocks("sh"):
        for line in block.text.splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] == "bi-governance":
                yield f"{block}: {line.strip()}", words[1:]


@pytest.mark.parametrize(("line", "words"), [pytest.param(*found, id=found[0]) for found in command_lines()])
def test_every_command_line_can_be_typed(line: str, words: list[str]) -> None:
    name = next(" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in COMMANDS)
    command = COMMANDS[name]
    command.make_parser(command.context_class(command)).parse_args(words[len(name.split()) :])


# --- settings


def settings_in(
    node: Mapping[str, Any], root: Mapping[str, Any], path: str = ""
) -> Iterator[tuple[str, Any]]:
    """Every key of the configuration file with its schema, as `section.key`, lists as `key[]`."""
    node = resolved(node, root)
    for key, inner in node.get("properties", {}).items():
        here = f"{path}.{key}" if path else key
        target = resolved(inner, root)
        if target.get("type") == "array" and "properties" in resolved(target.get("items", {}), root):
            yield here, inner
            yield from settings_in(target["items"], root, f"{here}[]")
        elif "patternProperties" in target:
            for each in target["patternProperties"].values():
                yield from settings_in(each, root, f"{here}.<name>")
        elif "properties" in target:
            if inner.get("default", ...) is None or "anyOf" in inner:
                yield here, inner
            yield from settings_in(inner, root, here)
        else:
            yield here, inner


def resolved(node: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    if "anyOf" in node:
        node = next(n for n in node["anyOf"] if n.get("type") != "null")
    if "$ref" in node:
        node = root["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node


SCHEMA = Settings.model_json_schema(by_alias=True)
SETTINGS = dict(settings_in(SCHEMA, SCHEMA))
SETTING_ROWS = {row[0].strip("`"): row for row in rows(CONFIGURATION) if len(row) == 4}


def test_every_setting_is_in_the_tables_and_nothing_else() -> None:
    of_connectors = {
        row[0].strip("`") for row in rows(section(CONFIGURATION, "## Sources")) if "." not in row[0]
    }
    sections = {"policy.rules[].match"}
    assert set(SETTING_ROWS) - of_connectors - sections == set(SETTINGS)


@pytest.mark.parametrize("key", sorted(SETTINGS))
def test_the_default_in_the_table_is_the_one_in_the_code(key: str) -> None:
    written = SETTING_ROWS[key][2]
    if "default" not in SETTINGS[key]:
        assert written == "required"
    else:
        assert yaml.safe_load(written.strip("`")) == SETTINGS[key]["default"]


@pytest.mark.parametrize("name", sorted(PLATFORMS))
def test_the_connection_keys_of_a_platform_are_there(name: str) -> None:
    platform = PLATFORMS[name]
    page = section(text_of(f"docs/platforms/{name}.md"), "## Set-up")
    own = {row[0].strip("`") for row in rows(page)}
    shared = {row[0].strip("`") for row in rows(section(CONFIGURATION, "## Sources")) if "." not in row[0]}
    shared -= {"base_url"} - {platform.address}
    assert own | shared == {*platform.required, *platform.optional}
    assert {row[0].strip("`") for row in rows(page) if row[2] == "required"} == set(platform.required)
    assert all(f"`{key}`" in page for key in platform.optional), "the page names the shared ones too"


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_every_yaml_example_loads(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "bi.yml"
    file.write_text(block.text, encoding="utf-8")
    environment = dict.fromkeys(re.findall(r"\$\{(\w+)\}", block.text), "from-the-environment")
    settings = load_settings(file, environment)
    for name, source in settings.sources.items():
        assert PLATFORMS[source.platform].mistakes(name, source.options) == []


def test_the_settings_every_source_has_are_there() -> None:
    assert all(f"sources.<name>.{key}" in SETTING_ROWS for key in COMMON)


def test_what_backups_hold_and_lack_is_there() -> None:
    found = {
        (row[0].strip("`"), row[1].strip("`")): (row[2], row[3])
        for row in rows(section(OPERATIONS, "## Backups and retention"))
        if row[0].strip("`") in PLATFORMS
    }
    declared = {
        (name, kind): (
            ", ".join(part for part in Part if part in held),
            ", ".join(part for part in Part if part not in held) or "-",
        )
        for name in PLATFORMS
        for kind, held in PLATFORMS[name].load_capabilities().backups_hold.items()
    }
    assert found == declared


# --- what the ledger holds and what guards say


def test_every_event_is_there_and_no_other() -> None:
    assert names_in_first_cells(section(LEDGER, "## Events")) == set(KINDS)


def test_every_action_is_there_and_no_other() -> None:
    assert names_in_first_cells(section(LEDGER, "## Actions of a plan")) == {str(action) for action in Action}


def first_words(source: Path, *calls: str) -> set[str]:
    """The constant first (or for Veto second) arguments of these calls."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in calls:
            word = node.args[1 if node.func.id == "Veto" else 0]
            if isinstance(word, ast.Constant):
                found.add(str(word.value))
    return found


def test_every_veto_is_there_with_what_to_do() -> None:
    named = names_in_first_cells(section(OPERATIONS, "## Vetoes"))
    assert named == first_words(Path(guards.__file__), "Veto")
    assert all(callable(getattr(guards, name)) for name in named)


def test_every_refusal_is_there() -> None:
    source = ROOT / "bi_governance" / "delete.py"
    in_loops = set(
        re.findall(r'for what, moment in \(\("(\w+)".*\("(\w+)"', source.read_text(encoding="utf-8"))[0]
    )
    named = names_in_first_cells(section(OPERATIONS, "## Refusals at the last moment"))
    assert named == first_words(source, "_Refused") | in_loops


def test_explain_says_of_every_reason_what_would_change_it() -> None:
    documented = names_in_first_cells(section(LEDGER, "## Reasons"))
    assert set(SENTENCES) == documented | {policy.NOT_REMOVABLE}


def test_every_reason_is_there() -> None:
    said = set().union(
        *(
            first_words(ROOT / "bi_governance" / name, "Reason")
            for name in ("policy.py", "protection.py", "plan.py", "purging.py")
        )
    )
    protections = set(
        re.findall(
            r'^        \(.*, "(\w+)", f?"',
            Path(protection.__file__).read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    )
    changes = {"renamed", "owner_changed", "moved"}
    caps = {f"{action}_cap" for action in (Action.WARN, Action.DELETE, Action.PURGE)}
    assert protections >= {"exempt", "kept"}
    assert said | protections | changes | caps | {
        "code_managed",
        "trashed",
        AWAITS_APPROVAL,
    } == names_in_first_cells(section(LEDGER, "## Reasons"))


# --- what a restore loses


def lost_in(page: str, what: str) -> tuple[str, ...]:
    after = text_of(page).partition(f"<!-- lost: {what} -->")[2]
    listed = re.match(r"\s*(?:\*\*.*\*\*\s*)?((?:- .*\n)*)", after)
    assert listed is not None
    return tuple(line.removeprefix("- ") for line in listed[1].splitlines())


@pytest.mark.parametrize("name", sorted(PLATFORMS))
def test_what_a_restore_loses_is_what_the_connector_says(name: str) -> None:
    declared = PLATFORMS[name].load_capabilities().lost_on_restore
    for type_, lost in declared.items():
        assert lost_in(f"docs/platforms/{name}.md", type_) == lost


def test_what_a_rebuild_in_looker_loses_is_there() -> None:
    assert lost_in("docs/platforms/looker.md", "rebuild") == LOST_ON_REBUILD


# --- architecture


def test_the_layers_are_those_of_the_contract() -> None:
    block = next(b for b in blocks("text") if b.page.name == "architecture.md")
    layers = [re.split(r"\s{2,}", line)[0] for line in block.text.splitlines()]
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    by_id = {contract["id"]: contract for contract in contracts}
    assert layers == by_id["layers"]["layers"]
    pure = re.search(r"From `ports` down \(([^)]*)\)", text_of("docs/architecture.md"))
    assert pure is not None
    modules = {f"bi_governance.{name}" for name in re.findall(r"`(\w+)`", pure[1])}
    assert modules == set(by_id["core-is-pure"]["source_modules"])


# --- references


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith(("https://", "http://")):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_script_named_exists_and_can_be_run(page: Path) -> None:
    for name in re.findall(r"\bscripts/(\w+)", page.read_text(encoding="utf-8")):
        assert os.access(ROOT / "scripts" / name, os.X_OK), name


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_file_named_exists(page: Path) -> None:
    paths = re.findall(
        r"`((?:bi_governance|tests|dbt_project|config|docs)/[\w./-]+?)(?:::[\w:]+)?`",
        page.read_text(encoding="utf-8"),
    )
    assert [path for path in paths if not (ROOT / path).exists() and "<" not in path] == []


@pytest.mark.parametrize(("page", "many"), [("docs/safety.md", 50), ("docs/traps.md", 45)])
def test_every_test_that_is_named_exists(page: str, many: int) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::([\w:]+)`", text_of(page))
    assert len(named) > many
    assert [f"{path}::{name}" for path, name in named if name not in declared_in(ROOT / path)] == []


def test_the_table_of_defences_is_the_one_that_is_proven() -> None:
    page = section(text_of("docs/safety.md"), "## How such tools hurt people, and what prevents it here")
    written = [line for line in page.splitlines() if line.startswith("|")]
    proven = table(read()).splitlines()
    assert written == proven, "write it again with: scripts/prove defences --table"


def test_every_platform_has_its_traps_and_every_row_its_test() -> None:
    text = text_of("docs/traps.md")
    sections = dict(re.findall(r"^## (.+)\n\n((?:\|.*\n)+)", text, re.MULTILINE))
    titles = {re.sub(r"\W", "", title).lower() for title in sections}
    assert titles == {"allplatforms", *PLATFORMS}
    rows = [row for table in sections.values() for row in table.splitlines()[2:]]
    assert [row for row in rows if "::test_" not in row] == []


def test_the_readme_leads_to_every_page() -> None:
    reached = {(ROOT / link.partition("#")[0]).resolve() for link in links(ROOT / "README.md")}
    second = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in reached
        if page.suffix == ".md" and page.is_file()
        for link in links(page)
    }
    assert {page_id(page) for page in PAGES if page not in reached | second | {ROOT / "README.md"}} == set()
