"""dbt's project, parsed before processes are forked: what a first run in a folder spends most of its time on.

`DbtTransformer` parses once per process and set of names; those of most tests are given here.
`tests/test_wheel.py` starts processes that parse for themselves.
"""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bi_governance.transform import DbtTransformer

with TemporaryDirectory() as _folder:
    DbtTransformer(
        warehouse_url=f"duckdb:///{_folder}/warehouse.duckdb",
        raw_schema="bi_raw",
        schema="bi_governance",
        target_path=Path(_folder) / "target",
        as_of=lambda: datetime.now(UTC),
    ).parse()
