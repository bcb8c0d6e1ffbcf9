"""The built pages made lighter, and fit to be opened as files."""

import base64
import re
import shutil
from pathlib import Path

_FONT_PRELOAD = re.compile(r'<link rel="preload" as="font"[^>]*>\n?')
"""The theme asks for fonts early and across origins, which browsers refuse, with an error, for pages that are files."""
_ICON_SCRIPT = re.compile(
    r'<script[^>]*src="[^"]*/fontawesome/[^"]*"[^>]*>\s*</script>\n?|<link[^>]*fontawesome[^>]*\.js[^>]*>\n?'
)
_MATH_SCRIPT = re.compile(r'<script[^>]*src="[^"]*tex-svg\.js[^"]*"[^>]*>\s*</script>\n?')
_WEB_FONT = re.compile(r"url\(\.\./webfonts/([\w-]+\.woff2)\)")
_OLD_FONT = re.compile(r',url\(\.\./webfonts/[\w-]+\.ttf\) format\("truetype"\)')


def lighten(pages: Path) -> None:
    """Change every page below a folder, and the style sheet of the icons.

    Icons are drawn by a font inside the style sheet in place of 1.5 MB of script, mathematics is loaded by pages that
    have any, and no page asks for a font across origins.

    Parameters
    ----------
    pages
        Folder of the built book.
    """
    sheets = list(pages.glob("_static/vendor/fontawesome/*/css/all.min.css"))
    for sheet in sheets:
        fonts = sheet.parent.parent / "webfonts"
        text = _OLD_FONT.sub("", sheet.read_text(encoding="utf-8"))
        for name in set(_WEB_FONT.findall(text)):
            text = text.replace(f"url(../webfonts/{name})", f"url({_as_data(fonts / name)})")
        sheet.write_text(text, encoding="utf-8")
        shutil.rmtree(fonts)
        shutil.rmtree(sheet.parent.parent / "js", ignore_errors=True)
    for page in pages.rglob("*.html"):
        text = _FONT_PRELOAD.sub("", page.read_text(encoding="utf-8"))
        if sheets:
            text = _ICON_SCRIPT.sub("", text)
        if 'class="math ' not in text:
            text = _MATH_SCRIPT.sub("", text)
        page.write_text(text, encoding="utf-8")


def _as_data(font: Path) -> str:
    return f"data:font/woff2;base64,{base64.b64encode(font.read_bytes()).decode('ascii')}"
