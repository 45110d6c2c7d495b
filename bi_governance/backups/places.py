"""Places: what an address of backups leads to, which package speaks to it, and how that package complains."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fsspec import get_filesystem_class
from fsspec.core import url_to_fs

from bi_governance.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Place:
    """An opened address: its file system, the path of the store in it, and what its failures are made of.

    An object store keeps a whole object or none, so nothing is written under another name first: that
    would need the right to delete, and folders to be made, which to such packages means a new bucket.
    """

    scheme: str
    fs: Any
    root: str
    is_object_store: bool
    errors: tuple[type[Exception], ...]


@dataclass(frozen=True, slots=True)
class _Cloud:
    """What one vendor's package is: our extra that installs it, its options, its errors beside OSError."""

    extra: str
    errors: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


_S3 = _Cloud(
    "s3",
    ("botocore.exceptions.BotoCoreError", "botocore.exceptions.ClientError", "aiohttp.ClientError"),
    # s3fs tries five times by itself; five times five would keep a run waiting for minutes.
    {"config_kwargs": {"retries": {"mode": "standard", "total_max_attempts": 2}}},
)
_GCS = _Cloud(
    "gcs",
    (
        "gcsfs.retry.HttpError",
        "gcsfs.retry.ChecksumError",
        "gcsfs.retry.NonRetryableError",
        "google.auth.exceptions.GoogleAuthError",
        "google.api_core.exceptions.GoogleAPIError",
        "aiohttp.ClientError",
    ),
)
# adlfs wraps some failures of an upload or a deletion in a bare RuntimeError.
_AZURE = _Cloud("azure", ("azure.core.exceptions.AzureError", "builtins.RuntimeError"))
_CLOUDS = {"s3": _S3, "s3a": _S3, "gs": _GCS, "gcs": _GCS, "abfs": _AZURE, "az": _AZURE}
# What another program writes to the store must be seen at once, so nothing is remembered.
_FRESH = {"use_listings_cache": False, "skip_instance_cache": True}


def open_place(url: str) -> Place:
    """The place an address names; nothing is asked of it yet.

    Raises ConfigurationError when its scheme is unknown, its package is not installed, or the package
    cannot make anything of the address.
    """
    scheme = url.partition("://")[0] if "://" in url else "file"
    cloud = _CLOUDS.get(scheme)
    _must_be_usable(scheme, cloud)
    try:
        fs, root = url_to_fs(url, **({**_FRESH, **cloud.options} if cloud else {}))
    except (ValueError, TypeError, OSError) as error:
        reason = str(error).rstrip(".!")
        raise ConfigurationError(f"backups.url: {scheme}:// cannot be used: {reason}.") from error
    errors = [_named(name) for name in cloud.errors] if cloud else []
    return Place(scheme, fs, str(root).rstrip("/"), cloud is not None, (OSError, *errors))


def _must_be_usable(scheme: str, cloud: _Cloud | None) -> None:
    try:
        get_filesystem_class(scheme)
    except ImportError as error:
        needed = f'install it with: pip install "bi-governance[{cloud.extra}]"' if cloud else f"{error}"
        raise ConfigurationError(
            f"backups.url: {scheme}:// needs a package that is not installed; {needed}"
        ) from error
    except ValueError as error:
        near = difflib.get_close_matches(scheme, ["file", *_CLOUDS], 1, 0.5)
        meant = f"did you mean {near[0]}://? It" if near else "it"
        raise ConfigurationError(
            f"backups.url: '{scheme}://' is not a place backups can be kept; {meant} can be file://, s3://, "
            "gs:// or abfs://."
        ) from error


def _named(name: str) -> type[Exception]:
    module, _, attribute = name.rpartition(".")
    found: type[Exception] = getattr(importlib.import_module(module), attribute)
    return found
