"""The wheel holds everything: an installed package works from any folder, without the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel, built from this checkout and unpacked where nothing else of it lies."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True
    )
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def run(site, folder, program):
    """Run a program with the unpacked wheel first on the path, in a folder of its own."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site), "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_is_taken_from_the_checkout(installed, tmp_path):
    program = """
import bi_governance, bi_governance.transform as t
from bi_governance.config_file import example_text
print(bi_governance.__file__); print(t.project_dir()); print(len(example_text()))
"""
    ended = run(installed, tmp_path, program)
    assert ended.returncode == 0, ended.stderr
    package, project, length = ended.stdout.split()
    assert Path(package).is_relative_to(installed)
    assert Path(project).is_relative_to(installed)
    assert int(length) > 1000


def test_the_installed_package_builds_its_marts_from_any_folder(installed, tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bi_governance.yml").write_text("sources: {}\n", encoding="utf-8")
    ended = run(installed, tmp_path, "from bi_governance.cli import main; main(['transform'])")
    assert ended.returncode == 0, ended.stderr
    assert "0 failed" in ended.stdout
    status = run(installed, tmp_path, "from bi_governance.cli import main; main(['status', '--json'])")
    assert status.returncode == 0, status.stderr


def test_the_wheel_holds_no_build_products(installed):
    (wheel,) = installed.parent.glob("*.whl")
    parts = {part for name in zipfile.ZipFile(wheel).namelist() for part in Path(name).parts}
    assert {"_dbt_project", "_config", "migrations", "templates", "py.typed"} <= parts
    assert not parts & {"target", "logs", "__pycache__", ".user.yml", "partial_parse.msgpack"}
    assert "conftest.py" not in parts
