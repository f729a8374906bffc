"""A document written piece by piece is the document."""

from decimal import Decimal
from typing import Any

import pytest

from api.output import json_pieces, to_json


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [{}],
        [1, "a\nb", None],
        [{"row": 2, "value": '  "errors": []', "params": {"limit": Decimal("0.05"), "of": [1, []]}}] * 3,
    ],
)
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_list_written_entry_by_entry_gives_the_same_bytes(entries: list[Any], place: str) -> None:
    members: dict[str, Any] = {"file": '\n  "errors": []', "warnings": [], "quality": {"errors": []}}
    order = {"first": ["errors", *members], "middle": ["file", "errors", "warnings", "quality"]}
    names = order.get(place, [*members, "errors"])
    document = {name: entries if name == "errors" else members[name] for name in names}
    empty = {name: [] if name == "errors" else members[name] for name in names}
    assert "".join(json_pieces(empty, "errors", iter(entries))) == to_json(document)
