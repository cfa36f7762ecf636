"""Boxes, arrows and shapes on the arrows, as SVG that reads on light and dark pages and on phones.

380 units wide, which is about the width of a phone; an opaque light panel carries everything.
"""

from html import escape
from pathlib import Path

from graphgan.files import replacing

WIDTH = 380
_PANEL, _EDGE, _INK, _FAINT = "#fbfbf8", "#c9c9c2", "#1d1d1b", "#5a5a55"
_FILLS = {
    "learned": ("#d6e6fa", "#2f66a8"),
    "fixed": ("#e9e9e4", "#83837c"),
    "tensor": ("#ffffff", "#1d1d1b"),
}
_LEGEND = (("tensor", "tensor"), ("learned", "learned"), ("fixed", "no weights"))
_LINE = 17  # between lines of text

Point = tuple[float, float]


class Diagram:
    """A picture that grows by its parts; later parts lie on earlier ones.

    Args:
        height: of the panel.
        title: said to those who cannot see it.
    """

    def __init__(self, height: int, title: str) -> None:
        self.height = height
        self.title = title
        self.parts: list[str] = []

    def box(
        self, x: float, y: float, text: str, *, kind: str = "fixed", width: float = 150
    ) -> None:
        """A box around (x, y), as high as its lines of text need."""
        lines = text.split("\n")
        height = box_height(text)
        fill, stroke = _FILLS[kind]
        corner = height / 2 if kind == "tensor" else 5
        self.parts.append(
            f'<rect x="{n(x - width / 2)}" y="{n(y - height / 2)}" width="{n(width)}" '
            f'height="{n(height)}" rx="{n(corner)}" fill="{fill}" stroke="{stroke}"/>'
        )
        for i, line in enumerate(lines):
            self.text(x, y + 5 + (i - (len(lines) - 1) / 2) * _LINE, line)

    def operation(self, x: float, y: float, sign: str) -> None:
        """A circle with a sign."""
        self.parts.append(
            f'<circle cx="{n(x)}" cy="{n(y)}" r="12" fill="#ffffff" stroke="{_INK}"/>'
        )
        self.text(x, y + 6, sign, size=18)

    def arrow(self, *points: Point, shape: str = "", side: str = "right") -> None:
        """Through the points; the shape stands beside the middle of the first stretch."""
        path = " ".join(f"{n(x)},{n(y)}" for x, y in points)
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{_INK}" marker-end="url(#head)"/>'
        )
        if shape:
            (x0, y0), (x1, y1) = points[:2]
            anchor, shift = ("start", 7) if side == "right" else ("end", -7)
            self.shape((x0 + x1) / 2 + shift, (y0 + y1) / 2 + 4, shape, anchor=anchor)

    def shape(self, x: float, y: float, text: str, *, anchor: str = "middle") -> None:
        """A tensor's shape, or another note in small."""
        self.text(x, y, text, size=12, color=_FAINT, anchor=anchor)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: int = 14,
        color: str = _INK,
        anchor: str = "middle",
    ) -> None:
        self.parts.append(
            f'<text x="{n(x)}" y="{n(y)}" font-size="{size}" fill="{color}" '
            f'text-anchor="{anchor}">{escape(text)}</text>'
        )

    def dot(self, x: float, y: float, color: str, radius: float = 4) -> None:
        self.parts.append(f'<circle cx="{n(x)}" cy="{n(y)}" r="{n(radius)}" fill="{color}"/>')

    def rectangle(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        self.parts.append(
            f'<rect x="{n(x)}" y="{n(y)}" width="{n(width)}" height="{n(height)}" fill="{fill}"/>'
        )

    def line(self, points: list[Point], color: str = _EDGE, *, dashed: bool = False) -> None:
        path = " ".join(f"{n(x)},{n(y)}" for x, y in points)
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{color}"{dash}/>')

    def legend(self) -> None:
        """What the kinds of boxes mean, along the lower edge."""
        y = self.height - 20
        for i, (kind, name) in enumerate(_LEGEND):
            fill, stroke = _FILLS[kind]
            x = 40 + 112 * i
            self.parts.append(
                f'<rect x="{x}" y="{y - 8}" width="18" height="12" rx="3" fill="{fill}" '
                f'stroke="{stroke}"/>'
            )
            self.shape(x + 25, y + 2, name, anchor="start")

    def svg(self) -> str:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{self.height}" '
            f'viewBox="0 0 {WIDTH} {self.height}" font-family="Helvetica, Arial, sans-serif">',
            f"<title>{escape(self.title)}</title>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
            f'markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="{_INK}"/>'
            "</marker></defs>",
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{self.height - 1}" rx="10" '
            f'fill="{_PANEL}" stroke="{_EDGE}"/>',
        )
        return "\n".join([*head, *self.parts, "</svg>", ""])

    def write(self, path: Path) -> None:
        with replacing(path) as temporary:
            temporary.write_text(self.svg(), encoding="utf-8")


def box_height(text: str) -> float:
    return 13 + _LINE * len(text.split("\n"))


def n(value: float) -> str:
    """A number of one decimal at most."""
    return f"{value:.1f}".removesuffix(".0")
