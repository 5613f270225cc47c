"""Configuration of Sphinx for the site, in the language that the builder is given (`-D language=ko`).

Nothing that a page needs is on another server: formulas are MathML, which browsers draw themselves, and what moves in a
lesson is a picture here.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # Sphinx is started as a program of its own

project = "Fearless Labs"
author = "Fearless Labs"
copyright = "Fearless Labs, Apache-2.0"
html_title = project
extensions = ["myst_nb", "host.site.formulas", "host.site.hangul"]
html_theme = "furo"
html_static_path = [str(Path(__file__).parent / "static")]
templates_path = [str(Path(__file__).parent / "templates")]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_search_summary = False  # it would be fetched, which a page that is a file may not do
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "languages.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
pygments_style = "friendly"
pygments_dark_style = "monokai"
suppress_warnings = ["misc.highlighting_failure"]  # code that leaves something out ("…") is no fault

smartquotes = False  # they make one dash of the two of an option
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_update_mathjax = False
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_merge_streams = True
