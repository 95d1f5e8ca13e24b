from __future__ import annotations

import base64
import re

import numpy as np

from propmat.report.figures import encode, transfer_matrices
from propmat.report.html import Page
from propmat.transfer import TransferGrid

GRID = TransferGrid.relative(np.geomspace(0.1, 10.0, 5), 0.01 * np.sinh(np.linspace(-1.0, 6.0, 9)))


def matrix() -> np.ndarray:
    return np.random.default_rng(1).dirichlet(np.ones(8), size=5)


def test_every_text_is_escaped() -> None:
    page = Page("<b>title</b>")
    evil = '<script>alert("x")</script>'
    page.heading(evil)
    page.text(evil)
    page.code(evil)
    page.items([evil])
    page.table([evil], [[evil]])
    page.figure(transfer_matrices({"one": matrix()}, GRID), evil)
    assert "<script>" not in page.html() and "<b>title" not in page.html()


def test_page_stands_alone(tmp_path) -> None:
    page = Page("title")
    figure = transfer_matrices({"one": matrix(), "two": matrix()}, GRID)
    page.figure(figure, "vector")
    page.figure(figure, "pixels", "png")
    page.write(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    sources = re.findall(r'src="([^"]*)"', text)
    assert len(sources) == 2 and all(source.startswith("data:image/") for source in sources)
    assert "href" not in text and "<script" not in text and "Figure 2." in text
    first, second = (base64.b64decode(source.split(",")[1]) for source in sources)
    assert b"<svg" in first and second.startswith(b"\x89PNG")


def test_the_same_figure_gives_the_same_bytes() -> None:
    first, second = (encode(transfer_matrices({"one": matrix()}, GRID), "svg") for _ in range(2))
    assert first == second
