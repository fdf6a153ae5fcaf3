"""The Chinese font for pixels and PDFs, by path: a bare machine has none."""

from __future__ import annotations

from pathlib import Path

BUILT_FONTS = Path(__file__).resolve().parent / "built_fonts"


def chinese_font(bold: bool = False) -> Path:
    """Noto Sans SC as TTF, put there by the front-end build. Raises FileNotFoundError naming the mend."""
    path = BUILT_FONTS / ("NotoSansSC-Bold.ttf" if bold else "NotoSansSC-Regular.ttf")
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run `make setup`, which builds the front end and its fonts")
    return path
