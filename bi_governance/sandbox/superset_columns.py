"""Which columns Superset 6.1.0 shows, orders and filters by in each of its lists."""

from __future__ import annotations

from bi_governance.sandbox.superset_lists import Listing


def _names(*lines: str) -> tuple[str, ...]:
    return tuple(name for line in lines for name in line.split())


DASHBOARDS = Listing(
    "List Dashboard",
    _names(
        "id uuid published status slug url thumbnail_url certified_by certification_details",
        "changed_by.first_name changed_by.last_name changed_by.id changed_by_name changed_on_utc",
        "changed_on_delta_humanized created_on_delta_humanized created_by.first_name created_by.id",
        "created_by.last_name dashboard_title owners.id owners.first_name owners.last_name",
        "owners.email roles.id roles.name is_managed_externally tags.id tags.name tags.type",
    ),
    _names(
        "changed_by.first_name changed_on_delta_humanized created_by.first_name dashboard_title",
        "published changed_on",
    ),
    _names(
        "changed_by created_by dashboard_title id owners published roles slug tags uuid",
    ),
    ("changed_on", True),
)
CHARTS = Listing(
    "List Slice",
    _names(
        "is_managed_externally certified_by certification_details cache_timeout",
        "changed_by.first_name changed_by.last_name changed_by.id changed_by_name",
        "changed_on_delta_humanized changed_on_dttm changed_on_utc created_by.first_name",
        "created_by.id created_by.last_name created_by_name created_on_delta_humanized",
        "datasource_id datasource_name_text datasource_type datasource_url description",
        "description_markeddown edit_url form_data id last_saved_at last_saved_by.id",
        "last_saved_by.first_name last_saved_by.last_name owners.first_name owners.id",
        "owners.last_name owners.email dashboards.id dashboards.dashboard_title params slice_name",
        "slice_url table.default_endpoint table.table_name thumbnail_url url viz_type tags.id",
        "tags.name tags.type uuid",
    ),
    _names(
        "changed_by.first_name changed_on_delta_humanized datasource_id datasource_name",
        "last_saved_at last_saved_by.id last_saved_by.first_name last_saved_by.last_name slice_name",
        "viz_type",
    ),
    _names(
        "changed_by created_by dashboards datasource_id datasource_type description id owners",
        "slice_name tags uuid viz_type",
    ),
    ("changed_on", True),
)
DATASETS = Listing(
    "List Sqla Table",
    _names(
        "id uuid database.id database.database_name database.uuid changed_by_name",
        "changed_by.first_name changed_by.last_name changed_by.id changed_on_utc",
        "changed_on_delta_humanized default_endpoint description datasource_type explore_url extra",
        "kind owners.id owners.first_name owners.last_name catalog schema sql table_name uuid",
    ),
    _names(
        "table_name catalog schema changed_by.first_name changed_on_delta_humanized",
        "database.database_name",
    ),
    _names(
        "id database owners catalog schema sql table_name created_by changed_by uuid",
    ),
    ("changed_on", True),
)
REPORTS = Listing(
    "Alerts & Reports",
    _names(
        "active changed_by.first_name changed_by.last_name changed_on changed_on_delta_humanized",
        "chart_id created_by.first_name created_by.last_name created_on creation_method crontab",
        "crontab_humanized dashboard_id description extra id last_eval_dttm last_state name",
        "owners.first_name owners.id owners.last_name recipients.id recipients.type timezone type",
    ),
    _names(
        "active description created_by.first_name changed_by.first_name changed_on",
        "changed_on_delta_humanized created_on crontab last_eval_dttm name type crontab_humanized",
    ),
    _names(
        "name active changed_by created_by owners type last_state creation_method dashboard_id",
        "chart_id id",
    ),
)
USERS = Listing(
    "List User",
    _names(
        "id roles.id roles.name first_name last_name username active email last_login login_count",
        "fail_login_count created_on changed_on created_by.id changed_by.id groups",
    ),
    _names(
        "id roles.id roles.name first_name last_name username active email last_login login_count",
        "fail_login_count created_on changed_on created_by.id changed_by.id",
    ),
    _names(
        "id first_name last_name username active email",
    ),
)
DATABASES = Listing(
    "List Database",
    _names("id uuid database_name backend expose_in_sqllab"),
    _names("database_name"),
    _names("uuid database_name expose_in_sqllab created_by changed_by"),
)
GROUPS = Listing(
    "List Group",
    _names("id name label description roles.name roles.id users.id users.username"),
    _names("id name label description roles.name roles.id users.id users.username"),
    _names("id name label description roles.name roles.id users.id users.username"),
)
ROLES = Listing("List Role", _names("id name"), _names("id name"), _names("id name"))
