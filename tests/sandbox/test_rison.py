"""The notation of Superset's `q`, as far as clients use it."""

import pytest

from bi_governance.sandbox.rison import RisonError, loads


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(page:0,page_size:100)", {"page": 0, "page_size": 100}),
        ("!(1,2,3)", [1, 2, 3]),
        ("!()", []),
        ("()", {}),
        ("(a:!t,b:!f,c:!n)", {"a": True, "b": False, "c": None}),
        ("(a:'it!'s: (new), !!')", {"a": "it's: (new), !"}),
        (
            "(filters:!((col:dttm,opr:gt,value:'2026-03-02T06:00:00')),order_column:dttm)",
            {
                "filters": [{"col": "dttm", "opr": "gt", "value": "2026-03-02T06:00:00"}],
                "order_column": "dttm",
            },
        ),
        ("(col:changed_by.first_name,n:-1.5)", {"col": "changed_by.first_name", "n": -1.5}),
        ("''", ""),
        ("-1", -1),
    ],
)
def test_reading(text, value):
    assert loads(text) == value


@pytest.mark.parametrize("text", ["(", "(a)", "(a:1", "!(1", "'open", "(a:1)x", "!x", "(a:1 b:2)", ""])
def test_what_is_not_rison_is_refused(text):
    with pytest.raises(RisonError):
        loads(text)
