"""What an administrator of a Superset can switch off: settings, feature flags, permissions of roles."""

from __future__ import annotations

import html
import json
import re

from bi_governance.sandbox.rest import Call, Refusal

FLAGS = ("ALERT_REPORTS", "EMBEDDED_SUPERSET", "TAGGING_SYSTEM")
# Settings of superset_config.py without which a part of the API is not there.
SETTINGS = {
    "SUPERSET_LOG_VIEW": "/api/v1/log/",
    "FAB_ADD_SECURITY_API": "/api/v1/security/users/",
}
_VIEWS = {
    "dashboard": "Dashboard",
    "chart": "Chart",
    "dataset": "Dataset",
    "database": "Database",
    "report": "ReportSchedule",
    "log": "Log",
    "security/users": "User",
    "security/roles": "Role",
    "security/groups": "Group",
    "security/subject": "Subject",
    "security/csrf_token": "SecurityRestApi",
}
_RESOURCE = re.compile(r"/api/v1/(security/\w+|\w+)/")
_READ_WRITE = {
    view: ("get", "put") if view in ("User", "Role", "Group") else ("read", "write")
    for view in _VIEWS.values()
}
PERMISSIONS = (
    *((f"can_{what}", view) for view, both in _READ_WRITE.items() for what in both),
    ("can_export", "Dashboard"),
    ("can_export", "Chart"),
)


class SupersetSwitches:
    """The switches of one instance, all on."""

    def __init__(self) -> None:
        self.flags = dict.fromkeys(FLAGS, True)
        self.settings = dict.fromkeys(SETTINGS, True)
        self._denied: set[tuple[str, str]] = set()

    def deny(self, permission: str, view: str) -> None:
        """Take a permission such as (`can_read`, `Log`) out of every role."""
        if (permission, view) not in PERMISSIONS:
            raise ValueError(f"{permission} on {view} is not a permission")
        self._denied.add((permission, view))

    def granted(self) -> list[list[str]]:
        """The permissions of an administrator, as `me/roles` lists them."""
        return [list(each) for each in PERMISSIONS if each not in self._denied]

    def require_open(self, call: Call) -> None:
        """Refuse a call to what is switched off (404) or not granted (403)."""
        hidden = {path for name, path in SETTINGS.items() if not self.settings[name]}
        hidden |= {"/api/v1/report/"} if not self.flags["ALERT_REPORTS"] else set()
        if any(call.path.startswith(path) for path in hidden):
            raise Refusal(404, {"message": "Not found"})
        if _permission(call) in self._denied:
            raise Refusal(403, {"message": "Forbidden"})

    def front_page(self) -> str:
        """The log-in page, which tells the browser the feature flags."""
        told = html.escape(json.dumps({"common": {"feature_flags": self.flags}}))
        return f'<!DOCTYPE html><html><body><div id="app" data-bootstrap="{told}"></div></body></html>'


def _permission(call: Call) -> tuple[str, str] | None:
    found = _RESOURCE.match(call.path)
    view = _VIEWS.get(found[1]) if found else None
    if view is None:
        return None
    if call.path.endswith("/export/"):
        return "can_export", view
    read, write = _READ_WRITE[view]
    return f"can_{read if call.method == 'GET' else write}", view
