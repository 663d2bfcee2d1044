"""Sphinx's settings for the site. `python -m tools.site` copies this folder and the pages to
build/site-source and builds there, from the repository's root."""

import re

from docutils import nodes

from tools.notebooks import address

project = html_title = "Transformer by Heart"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.viewcode"]
exclude_patterns = ["README.md"]  # the first page takes its parts from it

nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3  # a link may name a heading as on GitHub

# MathJax 3 from a package, without what its menu would fetch
mathjax_path = "mathjax/tex-chtml.js"
mathjax3_config = {"options": {"enableMenu": False}}

default_role = "code"  # docstrings have code in single backticks
add_module_names = False
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 80

html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_favicon = "_static/favicon.svg"
html_copy_source = html_show_sourcelink = html_show_sphinx = False
html_show_copyright = html_use_index = html_domain_indices = False
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
html_theme_options = {
    "repository_url": address(),
    "repository_branch": "main",
    "use_repository_button": True,
    "use_download_button": False,
    "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    "show_toc_level": 2,
    "footer_content_items": [],
    "navbar_persistent": [],  # or a bar with a second search field comes, and breaks the menu
}


def name_pictures(app, doctree) -> None:
    """Give a cell's pictures the alt texts that tools.site has put into its metadata, and link
    each picture to its file, which is larger."""
    for cell in doctree.findall(nodes.container):
        alts = cell.get("cell_metadata", {}).get("alts", [])
        for picture, alt in zip(cell.findall(nodes.image), alts, strict=False):
            picture["alt"] = alt
    for picture in doctree.findall(nodes.image):
        picture["scale"] = 100  # Sphinx links a picture that has a scale to its file


def paragraphs(app, what, name, obj, options, lines) -> None:
    """Docstrings are plain text: what an argument is begins a line, here also a paragraph; lines
    set in by four are code."""
    lines[:] = [line if line[:4] == "    " else re.sub(r"[*|]", r"\\\g<0>", line) for line in lines]
    text = re.sub(r"\n(?=[\w, ]+: |Returns |Raises )", "\n\n", "\n".join(lines))
    lines[:] = re.sub(r"\n\n(?= {4})", "\n\n::\n\n", text).splitlines()


def setup(app) -> None:
    app.connect("doctree-read", name_pictures)
    app.connect("autodoc-process-docstring", paragraphs)
