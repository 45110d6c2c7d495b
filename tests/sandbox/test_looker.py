"""The Looker sandbox as the official SDK sees it: lists, trash, deletion, imports, permissions."""

import json
from datetime import timedelta

import pytest
from looker_sdk import models40
from looker_sdk.error import SDKError

from bi_governance.sandbox.looker_records import PERMISSIONS
from bi_governance.sandbox.server import Fault
from tests.sandbox.conftest import sdk_for


@pytest.fixture
def ada(looker):
    return looker.add_person("ada@acme.example", "Ada Byron")


@pytest.fixture
def weekly(looker, ada):
    return looker.add_dashboard("Weekly", owner_id=ada, tiles=("ecommerce.orders", "ecommerce.users"))


def test_logging_in_and_out(sdk, looker, looker_server):
    assert sdk.me().email == looker.users[looker.credentials.user_id].email
    assert sdk.versions().current_version.version == "4.0"
    sdk.auth.logout()
    assert looker_server.requests.writes() == []


def test_wrong_keys_are_refused(looker, looker_server):
    keys = type(looker.credentials)("nobody", "nothing", "1")
    with pytest.raises(SDKError, match="Not found"):
        sdk_for(looker_server, keys).me()


def test_searching_pages_sorts_and_trims(sdk, looker, ada):
    for number in range(12):
        looker.add_dashboard(f"D{number}", owner_id=ada)
    pages = [
        sdk.search_dashboards(limit=5, offset=offset, sorts="id", fields="id,title,folder(name)")
        for offset in (0, 5, 10)
    ]
    assert [len(page) for page in pages] == [5, 5, 2]
    assert [d.id for page in pages for d in page] == [str(n) for n in range(1, 13)]
    first = pages[0][0]
    assert (first.folder.name, first.folder.id, first.user_id) == ("Shared", None, None)
    assert [d.id for d in sdk.search_dashboards(sorts="id desc", limit=2)] == ["12", "11"]


def test_searching_by_title_ignores_case_and_knows_wildcards(sdk, looker, ada, weekly):
    looker.add_dashboard("Weekly II", owner_id=ada)
    assert [d.id for d in sdk.search_dashboards(title="weekly")] == [weekly]
    assert len(sdk.search_dashboards(title="week%")) == 2


def test_the_short_list_has_no_dates(sdk, weekly):
    (row,) = json.loads(sdk.get("/dashboards", str))
    assert row["id"] == weekly
    assert not {"created_at", "updated_at", "deleted", "last_viewed_at", "view_count"} & row.keys()


def test_views_move_dates_and_counters(sdk, looker, clock, ada, weekly):
    clock.advance(timedelta(hours=1))
    looker.view("dashboard", weekly, by=ada)
    seen = clock.now()
    clock.advance(timedelta(hours=1))
    looker.machine_run("dashboard", weekly, by=looker.credentials.user_id)
    (dashboard,) = sdk.search_dashboards(id=weekly)
    assert (dashboard.last_viewed_at, dashboard.view_count) == (seen, 1)
    assert dashboard.last_accessed_at == clock.now()


def test_running_a_look_over_the_api_counts_as_access_by_the_api_user(sdk, looker, clock, ada):
    look_id = looker.add_look("Orders", owner_id=ada)
    clock.advance(timedelta(days=1))
    sdk.run_look(look_id, "json")
    look = sdk.look(look_id)
    assert (look.last_accessed_at, look.last_viewed_at) == (clock.now(), None)
    assert looker.history.row(0).actor == looker.credentials.user_id


def test_trash_hides_and_gives_back_under_the_same_id(sdk, looker, looker_server, clock, ada, weekly):
    plan_id = looker.add_schedule("dashboard", weekly, owner_id=ada)
    deleted = sdk.update_dashboard(weekly, models40.WriteDashboard(deleted=True))
    assert (deleted.deleted, deleted.deleted_at, deleted.deleter_id) == (True, clock.now(), "1")
    assert sdk.all_dashboards() == sdk.search_dashboards() == []
    assert [d.id for d in sdk.search_dashboards(deleted="true")] == [weekly]
    assert sdk.dashboard(weekly).deleted is True
    back = sdk.update_dashboard(weekly, models40.WriteDashboard(deleted=False))
    assert (back.id, back.deleted, back.deleted_at) == (weekly, False, None)
    assert [p.id for p in sdk.all_scheduled_plans(all_users=True)] == [plan_id]
    assert [r.method for r in looker_server.requests.writes()] == ["PATCH", "PATCH"]


def test_looks_go_the_same_way(sdk, looker, ada):
    look_id = looker.add_look("Orders", owner_id=ada)
    sdk.update_look(look_id, models40.WriteLookWithQuery(deleted=True))
    assert sdk.all_looks() == sdk.search_looks() == []
    assert [look.id for look in sdk.search_looks(deleted=True)] == [look_id]
    sdk.delete_look(look_id)
    with pytest.raises(SDKError):
        sdk.look(look_id)


def test_deletion_is_final_and_tells_the_status_in_its_link(sdk, looker, weekly):
    sdk.delete_dashboard(weekly)
    with pytest.raises(SDKError) as refused:
        sdk.delete_dashboard(weekly)
    assert "/err/4.0/404/delete/dashboards/:dashboard_id" in refused.value.documentation_url
    assert looker.tiles == {}


def test_lookml_dashboards_are_listed_but_cannot_be_changed(sdk, looker):
    id_ = looker.add_lookml_dashboard("ecommerce", "web_traffic", "Web traffic")
    assert id_ == "ecommerce::web_traffic"
    assert [d.id for d in sdk.all_dashboards()] == [id_]
    assert sdk.search_dashboards() == []
    assert [d.id for d in sdk.search_lookml_dashboards()] == [id_]
    for change in (
        lambda: sdk.update_dashboard(id_, models40.WriteDashboard(deleted=True)),
        lambda: sdk.delete_dashboard(id_),
    ):
        with pytest.raises(SDKError, match="can't be modified") as refused:
            change()
        assert "/405/" in refused.value.documentation_url


def test_an_exported_dashboard_comes_back_under_a_new_id_and_the_old_slug(sdk, looker, weekly):
    slug = looker.visual("dashboard", weekly).slug
    lookml = sdk.dashboard_lookml(weekly)
    sdk.delete_dashboard(weekly)
    body = models40.WriteDashboardLookml(lookml=lookml.lookml, folder_id=lookml.folder_id)
    again = sdk.import_dashboard_from_lookml(body)
    assert again.id != weekly
    assert (again.title, again.slug, len(again.dashboard_elements)) == ("Weekly", slug, 2)


def test_importing_over_a_slug_in_use_overwrites_and_over_one_in_the_trash_is_refused(sdk, weekly):
    lookml = sdk.dashboard_lookml(weekly)
    body = models40.WriteDashboardLookml(lookml=lookml.lookml, folder_id="1")
    assert sdk.import_dashboard_from_lookml(body).id == weekly
    sdk.update_dashboard(weekly, models40.WriteDashboard(deleted=True))
    with pytest.raises(SDKError) as refused:
        sdk.import_dashboard_from_lookml(body)
    assert [e.field for e in refused.value.errors] == ["slug"]


def test_titles_are_unique_in_a_folder(sdk, looker, ada, weekly):
    other = looker.add_dashboard("Monthly", owner_id=ada)
    with pytest.raises(SDKError) as refused:
        sdk.update_dashboard(other, models40.WriteDashboard(title="Weekly"))
    assert [(e.field, e.code) for e in refused.value.errors] == [("title", "already_exists")]


def test_restoring_beside_a_namesake_is_refused(sdk, looker, ada, weekly):
    sdk.update_dashboard(weekly, models40.WriteDashboard(deleted=True))
    looker.add_dashboard("Weekly", owner_id=ada)
    with pytest.raises(SDKError, match="Validation Failed"):
        sdk.update_dashboard(weekly, models40.WriteDashboard(deleted=False))


def test_a_look_can_be_built_again_from_its_query(sdk, looker, ada):
    look_id = looker.add_look("Orders", owner_id=ada, explore="ecommerce.orders")
    old = sdk.look(look_id)
    sdk.delete_look(look_id)
    query = sdk.create_query(models40.WriteQuery(model=old.query.model, view=old.query.view))
    body = models40.WriteLookWithQuery(title="Orders", folder_id="1", query_id=query.id, user_id=ada)
    new = sdk.create_look(body)
    assert (new.title, new.user_id, new.query.view) == ("Orders", ada, "orders")
    assert new.id != look_id


def test_linked_looks_are_found_through_their_tiles(sdk, looker, ada, weekly):
    look_id = looker.add_look("Orders", owner_id=ada)
    tile_id = looker.add_tile(weekly, title="Orders", look_id=look_id)
    (found,) = sdk.search_dashboard_elements(look_id=look_id)
    assert (found.id, found.dashboard_id, found.look.title) == (tile_id, weekly, "Orders")
    assert len(sdk.search_dashboard_elements(fields="id,look_id")) == 3
    looker.visual("dashboard", weekly).deleted = True
    assert sdk.search_dashboard_elements(look_id=look_id) == []


def test_only_ones_own_schedules_without_all_users(sdk, looker, ada, weekly):
    looker.add_schedule("dashboard", weekly, owner_id=ada, emails=["ada@acme.example"])
    assert sdk.all_scheduled_plans() == []
    (plan,) = sdk.all_scheduled_plans(all_users=True)
    assert (plan.dashboard_id, plan.user_id) == (weekly, ada)
    assert plan.scheduled_plan_destination[0].address == "ada@acme.example"
    looker.revoke("see_schedules")
    assert sdk.all_scheduled_plans(all_users=True) == []


def test_searching_schedules_leaves_disabled_ones_out(sdk, looker, ada, weekly):
    looker.add_schedule("dashboard", weekly, owner_id=ada, enabled=False)
    assert sdk.search_scheduled_plans(all_users=True, dashboard_id=weekly) == []
    assert len(sdk.search_scheduled_plans(all_users=True, all_states=True)) == 1


def test_a_delivery_moves_the_schedule(sdk, looker, clock, ada, weekly):
    plan_id = looker.add_schedule("dashboard", weekly, owner_id=ada)
    looker.deliver(plan_id)
    (plan,) = sdk.scheduled_plans_for_dashboard(weekly, all_users=True)
    assert (plan.last_run_at, plan.last_run_status) == (clock.now(), "success")
    assert looker.history.row(0).kind == "scheduled_task"


def test_alerts_of_others_need_permission(sdk, looker, ada, weekly):
    alert_id = looker.add_alert(looker.tiles_of(weekly)[0].id, owner_id=ada)
    assert sdk.search_alerts() == []
    assert [a.id for a in sdk.search_alerts(all_owners=True)] == [alert_id]
    looker.revoke("administer")
    looker.revoke("see_alerts")
    with pytest.raises(SDKError) as refused:
        sdk.search_alerts(all_owners=True)
    assert "/403/" in refused.value.documentation_url


def test_boards_models_and_accesses(sdk, looker, ada, weekly):
    looker.add_board("Start", user_id=ada, items=[("dashboard", weekly)])
    (board,) = sdk.all_boards()
    assert board.board_sections[0].board_items[0].dashboard_id == weekly
    assert {e.name for m in sdk.all_lookml_models() for e in m.explores} == {"orders", "users"}
    assert sdk.lookml_model_explore("ecommerce", "users").sql_table_name == "analytics.marts.users"
    metadata_id = sdk.dashboard(weekly).content_metadata_id
    (access,) = sdk.all_content_metadata_accesses(metadata_id)
    assert access.content_metadata_id == metadata_id


def test_a_caller_without_administration_misses_private_and_personal_content(looker, looker_server, ada):
    board_room = looker.add_folder("Board room", private=True)
    looker.add_dashboard("Secret", owner_id=ada, folder_id=board_room)
    looker.add_dashboard("Mine", owner_id=ada, folder_id=looker.personal_folder(ada))
    shared = looker.add_dashboard("Shared", owner_id=ada)
    keys = looker.add_api_user("reader@acme.example", permissions=PERMISSIONS - {"administer"})
    reader = sdk_for(looker_server, keys)
    assert [d.id for d in reader.all_dashboards()] == [shared]
    assert "Board room" not in {f.name for f in reader.all_folders()}


def test_a_caller_without_see_users_sees_only_itself(sdk, looker, ada):
    assert len(sdk.search_users()) == 2
    looker.revoke("see_users")
    assert [u.id for u in sdk.all_users()] == ["1"]
    with pytest.raises(SDKError):
        sdk.user(ada)


def test_people_who_left_are_disabled(sdk, looker, ada, weekly):
    looker.deactivate(ada)
    (user,) = sdk.search_users(email="ADA@acme.example")
    assert (user.id, user.is_disabled, user.display_name) == (ada, True, "Ada Byron")
    assert sdk.dashboard(weekly).is_owner_disabled is True


def test_an_expired_token_is_refused(sdk, looker):
    sdk.me()
    looker.expire_tokens()
    with pytest.raises(SDKError, match="Requires authentication"):
        sdk.me()


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault("GET .*/user$", "status", status=429, retry_after=5), "/429/"),
        (Fault("GET .*/user$", "status", status=500), "/500/"),
        (Fault("GET .*/user$", "status", status=502), "502 Bad Gateway"),
        (Fault("GET .*/user$", "drop"), "Connection aborted"),
        (Fault("GET .*/user$", "slow"), "timed out"),
        (Fault("GET .*/user$", "expire_token"), "Requires authentication"),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_faults_as_the_sdk_reports_them(looker, looker_server, fault, text):
    looker_server.faults.add(fault)
    with pytest.raises(SDKError) as failed:
        sdk_for(looker_server, looker.credentials, timeout=1).me()
    assert text in f"{failed.value.message} {failed.value.documentation_url}"


def test_a_truncated_list_looks_like_any_other(sdk, looker, looker_server, ada):
    for number in range(4):
        looker.add_dashboard(f"D{number}", owner_id=ada)
    looker_server.faults.add(Fault("GET .*/dashboards$", "truncate"), Fault("GET .*/dashboards$", "empty"))
    assert [len(sdk.all_dashboards()) for _ in range(3)] == [2, 0, 4]


def test_what_a_user_may_do_is_told_by_the_roles(sdk, looker):
    looker.revoke("see_schedules")
    (role,) = sdk.user_roles(looker.credentials.user_id)
    assert set(role.permission_set.permissions) == PERMISSIONS - {"see_schedules"}


def test_an_instance_keeps_its_name_wherever_it_is_served(sdk):
    assert sdk.versions().web_server_url == "https://acme.looker.example"
