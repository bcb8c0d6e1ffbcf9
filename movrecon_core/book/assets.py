"""The built pages made lighter, and fit to be opened as files."""

import base64
import io
import re
import shutil
from pathlib import Path

from fontTools import subset

_FONT_PRELOAD = re.compile(r'<link rel="preload" as="font"[^>]*>\n?')
"""The theme asks for fonts early and across origins, which browsers refuse, with an error, for pages that are files."""
_ICON_SCRIPT = re.compile(r'<script[^>]*src="[^"]*/fontawesome/[^"]*"[^>]*>\s*</script>\n?')
_MATH_SCRIPT = re.compile(r'<script[^>]*src="[^"]*tex-svg\.js[^"]*"[^>]*>\s*</script>\n?')
_ICON = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')
_FONT_FACE = re.compile(r"@font-face\{[^}]*\}")
_FONT_FILE = re.compile(r"src:[^}]*url\(\.\./webfonts/(fa-solid-\d+\.ttf)\)[^};]*")


def lighten(pages: Path) -> None:
    """Change every page below a folder, and the style sheet of the icons.

    The few icons that are used come as a font inside the style sheet, in place of 1.5 MB of script; mathematics is
    loaded by pages that have any; no page asks for a font across origins.

    Parameters
    ----------
    pages
        Folder of the built book.
    """
    texts = {page: page.read_text(encoding="utf-8") for page in pages.rglob("*.html")}
    scripts = [file.read_text(encoding="utf-8") for file in pages.glob("_static/scripts/*.js")]
    used = set(re.findall(r"\bfa-[\w-]+", "".join([*texts.values(), *scripts])))
    sheets = list(pages.glob("_static/vendor/fontawesome/*/css/all.min.css"))
    for sheet in sheets:
        _keep_icons(sheet, used)
    for page, text in texts.items():
        lighter = _FONT_PRELOAD.sub("", text)
        if sheets:
            lighter = _ICON_SCRIPT.sub("", lighter)
        if 'class="math ' not in text:
            lighter = _MATH_SCRIPT.sub("", lighter)
        page.write_text(lighter, encoding="utf-8")


def _keep_icons(sheet: Path, used: set[str]) -> None:
    """Keep the named icons of a style sheet, with their shapes in it; remove the fonts and scripts beside it."""
    folder = sheet.parent.parent
    codes = set()

    def kept(icon: re.Match[str]) -> str:
        if used.isdisjoint(name.removesuffix(":before") for name in icon[1].replace(".", "").split(",")):
            return ""
        codes.add(int(icon[2], 16))
        return icon[0]

    def embedded(face: re.Match[str]) -> str:
        font = _FONT_FILE.search(face[0])
        if font is None or r"Awesome\ 6" not in face[0]:  # other weights, and names of older versions
            return ""
        data = base64.b64encode(_subset(folder / "webfonts" / font[1], codes)).decode("ascii")
        return face[0].replace(font[0], f"src:url(data:font/ttf;base64,{data})")

    text = _ICON.sub(kept, sheet.read_text(encoding="utf-8"))
    sheet.write_text(_FONT_FACE.sub(embedded, text), encoding="utf-8")
    for unused in ("webfonts", "js"):
        shutil.rmtree(folder / unused, ignore_errors=True)


def _subset(file: Path, codes: set[int]) -> bytes:
    """A font with some characters alone."""
    options = subset.Options()
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=codes)
    buffer = io.BytesIO()
    with subset.load_font(str(file), options) as font:
        subsetter.subset(font)
        font.save(buffer)
    return buffer.getvalue()
