"""One self-contained HTML page: text, tables and figures inlined, no script, nothing fetched."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Literal

from matplotlib.figure import Figure

from propmat.report.figures import encode
from propmat.samples.files import write_atomic

_MEDIA_TYPES = {"svg": "image/svg+xml", "png": "image/png"}
_CSS = """
body { font: 16px/1.55 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { margin-top: 2.6rem; border-bottom: 1px solid #ddd; font-size: 1.25rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; font-size: 0.93rem; }
th, td { padding: 0.25rem 0.8rem; text-align: right; border-bottom: 1px solid #eee; }
th { background: #f5f6f8; } th:first-child, td:first-child { text-align: left; }
figure { margin: 1.4rem 0; } img { max-width: 100%; height: auto; } figcaption { color: #555; font-size: 0.9rem; }
pre { background: #f5f6f8; padding: 0.8rem; overflow-x: auto; font-size: 0.85rem; }
"""


@dataclass
class Page:
    """Collects the parts of a page in order; every text is escaped."""

    title: str
    parts: list[str] = field(default_factory=list)
    figures: int = 0

    def heading(self, text: str) -> None:
        """A section heading."""
        self.parts.append(f"<h2>{escape(text)}</h2>")

    def text(self, text: str) -> None:
        """A paragraph."""
        self.parts.append(f"<p>{escape(text)}</p>")

    def code(self, text: str) -> None:
        """Text with its line breaks kept."""
        self.parts.append(f"<pre>{escape(text)}</pre>")

    def items(self, texts: Sequence[str]) -> None:
        """A list."""
        self.parts.append("<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table; the first column is left-aligned."""
        cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        self.parts.append(f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>")

    def figure(self, figure: Figure, caption: str, kind: Literal["svg", "png"] = "svg") -> None:
        """A numbered figure, inlined; ``png`` for those with many thousand strokes."""
        self.figures += 1
        source = base64.b64encode(encode(figure, kind)).decode("ascii")
        words = escape(caption, quote=True)
        self.parts.append(
            f'<figure><img alt="{words}" src="data:{_MEDIA_TYPES[kind]};base64,{source}">'
            f"<figcaption>Figure {self.figures}. {words}</figcaption></figure>"
        )

    def html(self) -> str:
        """The whole page."""
        title = escape(self.title)
        head = f'<meta charset="utf-8"><title>{title}</title><style>{_CSS}</style>'
        body = "\n".join(self.parts)
        return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body><h1>{title}</h1>\n{body}\n</body></html>\n'

    def write(self, path: Path) -> None:
        """Write the page in one step (temporary name, then rename)."""
        write_atomic(path, self.html().encode("utf-8"))
