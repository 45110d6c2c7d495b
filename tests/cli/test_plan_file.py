"""A plan in a file, from the command line: what it may be, and what it may not."""

import json


def test_a_plan_file_is_applied_unless_it_was_edited_or_the_configuration_changed(office):
    assert office.run("collect").status == 0
    assert office.run("transform").status == 0
    assert office.run("plan", "-o", "plan.json").status == 0
    applied = office.run("delete", "--plan", "plan.json")
    assert applied.status == 0, applied.err
    plan = json.loads((office.folder / "plan.json").read_text(encoding="utf-8"))
    key, known = next(iter(plan["evidence"].items()))
    assert {"title", "owner", "folder", "last_used", "noticed_at"} <= set(known)
    assert plan["config_digest"]

    plan["evidence"][key]["title"] = "Something else"
    (office.folder / "edited.json").write_text(json.dumps(plan), encoding="utf-8")
    edited = office.run("delete", "--plan", "edited.json")
    assert (edited.status, "was changed after" in " ".join(edited.err.split())) == (2, True)

    office.config["policy"] = {"idle_days": 30}
    office.write()
    other = office.run("delete", "--plan", "plan.json")
    assert (other.status, "under another configuration" in " ".join(other.err.split())) == (3, True)
    assert office.writes() == []
    shown = json.loads(office.run("report", "--trial", "--json").out)
    assert [trial["source"] for trial in shown] == ["looker_prod", "superset"]
