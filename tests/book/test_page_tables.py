"""Tables and legends in the book: what of their form is changed for the page."""

import re

import pandas as pd

from movrecon_core.book.pages import by_panel, legible
from movrecon_core.figures import readable


def cells(html: str, kind: str) -> list[str]:
    return re.findall(rf"<td[^>]*\bclass=\"[^\"]*\b{kind}\b[^>]*>\s*(.*?)\s*</td>", html)


def test_numbers_are_marked_and_words_are_not() -> None:
    table = pd.DataFrame({"mouse": ["one", "2 mice"], "mean_r": [0.5, float("nan")], "95 %": ["-0.1 to 0.2", "–"]})
    for html in (table.to_html(), readable(table).to_html()):
        found = cells(legible(html), "number")
        assert len(found) == 4
        assert not {"one", "2 mice"} & set(found)
        assert "mean r" in legible(html)
        assert len(re.findall("<td", legible(html))) == len(re.findall("<td", html))


def test_an_index_that_only_counts_is_marked_and_one_that_tells_is_not() -> None:
    table = pd.DataFrame({"value": [1.0, 2.0]})
    assert "counted" in legible(table.to_html())
    assert "counted" in legible(readable(table).to_html())
    assert "counted" not in legible(table.set_axis([1, 2]).to_html())
    assert "counted" not in legible(table.rename_axis("neuron").to_html())
    assert "counted" not in legible(table.set_axis(["a", "b"]).to_html())


def test_each_panel_has_a_paragraph_of_its_legend() -> None:
    legend = "## Seen\n\n(A) One, as in (B).\n(B) Two,\n(C) is no panel here. (C, D)\nBoth."
    assert by_panel(legend).split("\n\n") == [
        "## Seen",
        "**A** One, as in (B).",
        "**B** Two,\n(C) is no panel here.",
        "**C, D** Both.",
    ]
    assert by_panel("A sentence. (A) The only panel.") == "A sentence. (A) The only panel."
