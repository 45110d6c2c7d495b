"""Runs dbt in this process and reads its results: which models were built, which tests failed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml

from bi_governance.errors import TransformError
from bi_governance.ports import FailedTest, TransformReport

PLATFORMS = ("looker", "tableau", "powerbi", "domo", "superset")
# dbt lets this prefix into profiles only, and blanks its value in everything it logs.
_PASSWORD = "DBT_ENV_SECRET_BI_GOVERNANCE_PASSWORD"  # noqa: S105 - the variable's name
# Writing the manifest takes dbt longer than many models; the results of a run are written all the same.
_QUIET = ("--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors", "--no-write-json")
_NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
# `empty`: the tests of a view that is not built again run all the same.
_BUT_VIEWS = ("--exclude", "config.materialized:view", "--indirect-selection", "empty")
_FAILED = frozenset({"error", "fail", "runtime error", "warn", "partial success"})
# dbt keeps its configuration and adapters in globals: one invocation per process at a time.
_ONE_AT_A_TIME = threading.Lock()
# Parsing takes seconds of CPU. What it yields depends on the project and on the names of relations alone.
_PARSED: dict[tuple[str, ...], Any] = {}


def project_dir() -> Path:
    """The dbt project: inside the installed package, or beside it in a checkout; TransformError otherwise."""
    here = Path(__file__).resolve().parent
    for candidate in (here / "_dbt_project", here.parent / "dbt_project"):
        if (candidate / "dbt_project.yml").is_file():
            return candidate
    raise TransformError("The dbt project is missing from this installation; install bi-governance again.")


@dataclass(frozen=True, slots=True)
class DbtResult:
    """How one node of a dbt run ended."""

    unique_id: str
    status: str
    message: str

    @property
    def is_test(self) -> bool:
        return self.unique_id.startswith("test.")

    @property
    def name(self) -> str:
        return self.unique_id.split(".")[2]


@dataclass(frozen=True, slots=True)
class DbtResults:
    """How every node of a dbt run ended, and how long all of them took."""

    nodes: tuple[DbtResult, ...]
    seconds: float


class DbtTransformer:
    """Implements ports.Transformer with `dbt build`.

    `target_path` is a writable folder for dbt's files; `release` is called before dbt opens the
    database, so that our own connections do not lock it out; `as_of` gives the moment freshness is
    judged at. On a warehouse other than DuckDB and PostgreSQL dbt's own profile `bi_governance` is used.
    """

    def __init__(
        self,
        *,
        warehouse_url: str,
        raw_schema: str,
        schema: str,
        target_path: Path,
        as_of: Callable[[], datetime],
        project: Path | None = None,
        threads: int = 4,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        self._url = sa.make_url(warehouse_url)
        self._raw_schema = raw_schema
        self._schema = schema
        self._target = target_path.resolve()
        self._as_of = as_of
        self._project = project or project_dir()
        self._threads = threads
        self._release = release
        self._views_stand = False

    def build(self) -> TransformReport:
        """Build and test every model; a failed test is in the report, TransformError when dbt cannot run.

        A view is its definition, which does not change while this process lives: the first build makes
        all of them, later ones only fill the tables and run every test. When the database then refuses a
        model or a test - somebody may have dropped a view - everything is built again.
        """
        with _ONE_AT_A_TIME, self._environment():
            self._release()
            try:
                return self._build()
            finally:
                _disconnect()

    def parse(self) -> None:
        """Read the project, as the first build of a process would; TransformError when dbt cannot."""
        with _ONE_AT_A_TIME, self._environment():
            self._parse()

    def _parse(self) -> None:
        self._write_profile()
        if self._names not in _PARSED:
            _PARSED[self._names] = self._invoke(None, "parse", {}).result

    def _build(self) -> TransformReport:
        self._parse()
        results = self._run_build(*_BUT_VIEWS) if self._views_stand else self._run_build()
        if self._views_stand and _erred(results):
            results = self._run_build()
        self._views_stand = not _erred(results)
        paths = {unique_id: node.original_file_path for unique_id, node in self._manifest.nodes.items()}
        return read_report(results.nodes, paths, results.seconds)

    @property
    def _manifest(self) -> Any:
        return _PARSED[self._names]

    @property
    def _names(self) -> tuple[str, ...]:
        """What decides the names in the manifest: dbt calls a DuckDB database by its file's name."""
        database = Path(self._url.database or "memory").stem
        return (
            str(self._project),
            self._url.get_backend_name(),
            database,
            self._schema,
            self._raw_schema,
        )

    def _run_build(self, *options: str) -> DbtResults:
        moment = {"as_of": _iso_utc(self._as_of())}
        done = self._invoke(self._manifest, "build", moment, *_NO_UNIT_TESTS, *options).result
        done.write(str(self._target / "run_results.json"))
        return DbtResults(
            tuple(DbtResult(r.node.unique_id, str(r.status), r.message or "") for r in done.results),
            float(done.elapsed_time),
        )

    def _invoke(self, manifest: Any, command: str, variables: dict[str, str], *options: str) -> Any:
        from dbt.cli.main import dbtRunner  # noqa: PLC0415 - dbt takes seconds to import, most commands need none

        outcome = dbtRunner(manifest=manifest).invoke([command, *options, *self._arguments(variables)])
        if outcome.exception is not None or outcome.result is None:
            raise TransformError(f"dbt could not {command}: {_sentence(outcome.exception)}")
        return outcome

    def _arguments(self, variables: dict[str, str]) -> list[str]:
        # What changes between runs stays out of parsing: dbt parses everything again when a variable differs.
        variables = {"raw_schema": self._raw_schema, **variables}
        arguments = [*_QUIET, "--project-dir", str(self._project), "--vars", json.dumps(variables)]
        arguments += ["--target-path", str(self._target), "--log-path", str(self._target)]
        if self._output() is not None:
            arguments += ["--profiles-dir", str(self._target)]
        return arguments

    def _write_profile(self) -> None:
        self._target.mkdir(parents=True, exist_ok=True)
        output = self._output()
        if output is not None:
            profile = {"bi_governance": {"target": "warehouse", "outputs": {"warehouse": output}}}
            (self._target / "profiles.yml").write_text(yaml.safe_dump(profile), encoding="utf-8")

    def _output(self) -> dict[str, object] | None:
        common: dict[str, object] = {"schema": self._schema, "threads": self._threads}
        match self._url.get_backend_name():
            case "duckdb":
                return {"type": "duckdb", "path": self._url.database or ":memory:", **common}
            case "postgresql" | "postgres":
                return {"type": "postgres", **_postgres(self._url), **common}
            case _:
                return None

    @contextmanager
    def _environment(self) -> Iterator[None]:
        before = os.environ.get(_PASSWORD)
        os.environ[_PASSWORD] = self._url.password or ""
        try:
            yield
        finally:
            os.environ.pop(_PASSWORD)
            if before is not None:
                os.environ[_PASSWORD] = before


def read_report(results: Sequence[DbtResult], paths: Mapping[str, str], seconds: float) -> TransformReport:
    """What the results of a run say; `paths` gives the file of every node.

    A failed test concerns the platform whose folder it (or the model it tests) lies in. A model that
    was not built concerns everybody: the marts hold all sources.
    """
    tests = [result for result in results if result.is_test]
    broken = [r for r in results if not r.is_test and r.status in _FAILED]
    return TransformReport(
        built=sum(r.status == "success" for r in results if not r.is_test),
        tests=sum(r.status != "skipped" for r in tests),
        failed=(
            *(FailedTest(r.name, "", _one_line(r.message)) for r in broken),
            *(
                FailedTest(r.name, platform_of(paths.get(r.unique_id, "")), _one_line(r.message))
                for r in tests
                if r.status in _FAILED
            ),
        ),
        seconds=seconds,
    )


def _erred(results: DbtResults) -> bool:
    """Whether the database refused a model or a test; a test that ran and found rows is no error."""
    return any(r.status in {"error", "runtime error"} for r in results.nodes)


def platform_of(path: str) -> str:
    """The platform whose folder a node lies in; empty when it concerns all."""
    parts = Path(path).parts
    return next((platform for platform in PLATFORMS if platform in parts), "")


def _postgres(url: sa.URL) -> dict[str, object]:
    settings: dict[str, object] = {
        "host": url.host or str(url.query.get("host", "localhost")),
        "port": url.port or 5432,
        "user": url.username or "",
        "password": f"{{{{ env_var('{_PASSWORD}') }}}}",
        "dbname": url.database or "",
    }
    if "sslmode" in url.query:
        settings["sslmode"] = str(url.query["sslmode"])
    return settings


def _disconnect() -> None:
    """Close what dbt keeps open after a run: above all the DuckDB file, locked for everybody else."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415
    from dbt.adapters.factory import FACTORY  # noqa: PLC0415

    for adapter in FACTORY.adapters.values():
        adapter.cleanup_connections()
    DuckDBConnectionManager.close_all_connections()


def _iso_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")


def _sentence(error: BaseException | None) -> str:
    return _one_line(str(error)) if error is not None else "it said nothing"


def _one_line(text: str) -> str:
    return " ".join(text.split())
