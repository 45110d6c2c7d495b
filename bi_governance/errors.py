"""Every way the product can fail, named for the fact.

GovernanceError                  one clear sentence: what, where, what to do
├── ConfigurationError           exit 2: settings or arguments are wrong
├── RefusedForSafety             exit 3: we could, but must not
│   ├── LeaseHeld                another runner works on this ledger
│   └── LeaseLost                our lease ran out or was taken over
├── StorageError                 exit 1: warehouse, ledger or backup store
│   ├── StorageBusy              the file or table is locked by somebody else
│   ├── BackupUnreadable         what we saved cannot be read back
│   │   └── BackupLocked         it is encrypted, and its key is not configured
│   ├── NotInBackup              nothing saved for that visual
│   └── StoreUnmarked            what it lacks may be elsewhere: it may be the wrong store, or not mounted
├── TransformError               exit 1: dbt could not run at all
├── DeliveryError                a message was not accepted
│   ├── RecipientUnknown         there is nobody to deliver it to
 │   ├── OutcomeOpen              it may have arrived, and can be asked about later
 │   ├── OutcomeUnknown           it may have arrived, and nobody will ever know
 │   └── NotEditable              what was delivered stays as it is
└── SourceError                  a BI platform said no, or said nothing
    ├── SourceUnreachable        no answer: refused, timed out, cut off
    ├── SourceAuthFailed         401: credentials are wrong or have expired
    ├── SourceForbidden          403: the account lacks a permission
    ├── SourceMissing            404: no such thing (any more)
    ├── SourceConflict           409/422: the platform refuses this change
    ├── SourceThrottled          429: over the rate limit after all retries
    ├── SourceBroken             5xx or an answer that makes no sense
    └── IncompleteFeed           an answer that is provably not everything, also for want of calls
"""

from __future__ import annotations


class GovernanceError(Exception):
    """Root of the tree; `str(error)` is one sentence for a person."""

    exit_status = 1


class ConfigurationError(GovernanceError):
    """Settings or arguments are wrong; nothing was started."""

    exit_status = 2


class RefusedForSafety(GovernanceError):
    """The product could do it but must not."""

    exit_status = 3


class LeaseHeld(RefusedForSafety):
    """Another runner holds the lease on this ledger."""


class LeaseLost(RefusedForSafety):
    """Our lease expired or was taken over; nothing more may be done under it."""


class StorageError(GovernanceError):
    """Warehouse, ledger or backup store failed."""


class StorageBusy(StorageError):
    """The file or table is locked by another process."""


class BackupUnreadable(StorageError):
    """A saved backup does not match its checksum or cannot be parsed."""


class BackupLocked(BackupUnreadable):
    """A saved backup is encrypted with a key that is not configured."""


class NotInBackup(StorageError):
    """No backup exists for the visual."""


class StoreUnmarked(StorageError):
    """A store of backups lacks a backup and its own mark: whether the backup is gone cannot be told."""


class TransformError(GovernanceError):
    """dbt could not run (as opposed to: a dbt test failed)."""


class DeliveryError(GovernanceError):
    """A message was not accepted by the channel it was meant for."""


class RecipientUnknown(DeliveryError):
    """No reachable recipient exists."""


class OutcomeOpen(DeliveryError):
    """A message may have arrived and its channel cannot be asked now: it must be, before another is sent."""


class OutcomeUnknown(DeliveryError):
    """A message may have arrived, and its channel cannot be asked: not now, not later."""


class NotEditable(DeliveryError):
    """A delivered message cannot be changed: its channel has no way to, or it is no longer there."""


class SourceError(GovernanceError):
    """A BI platform refused or failed; keeps what is needed to find out why.

    `status` is the HTTP status (None when there was no answer), `request` the method and path,
    `hint` what a person should do next.
    """

    def __init__(
        self, message: str, *, source: str = "", status: int | None = None, request: str = "", hint: str = ""
    ) -> None:
        self.message = message
        self.source = source
        self.status = status
        self.request = request
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        where = f"{self.source}: " if self.source else ""
        status = f" [{self.status}]" if self.status is not None else ""
        request = f" ({self.request})" if self.request else ""
        hint = f" - {self.hint}" if self.hint else ""
        return f"{where}{self.message}{status}{request}{hint}"


class SourceUnreachable(SourceError):
    """The platform gave no answer."""


class SourceAuthFailed(SourceError):
    """The platform does not accept our credentials."""


class SourceForbidden(SourceError):
    """Our account lacks a permission."""


class SourceMissing(SourceError):
    """The platform has no such object."""


class SourceConflict(SourceError):
    """The platform refuses this change, e.g. because something refers to the object."""


class SourceThrottled(SourceError):
    """The platform's rate limit still stood after all retries."""


class SourceBroken(SourceError):
    """The platform answered with an error of its own, or with something that makes no sense."""


class IncompleteFeed(SourceError):
    """A feed is provably not everything; its rows must not be read as the whole truth."""
