"""How templates are set up, and what they may rely on.

**Frames.** A page extends ``frame_public.html`` (customers), ``frame_desk.html`` (backoffice) or
``frame_operations.html`` (the console). It sets ``title`` (``{% set title = "Tickets" %}``) and
fills the block ``content``; ``frame_*`` also offer ``head`` (extra ``<link>``) and ``scripts``
(extra modules). Optional variables: ``tick_ms`` (how often live regions ask, 5000 by default, 2000
on an overview) and ``wide`` (``True`` lets the content use the whole width).

**Always there.** ``frame()`` is the :class:`app.web.navigation.Frame` of this visitor:
navigation groups, ``user`` (``display_name``, ``role``, ``sign_out_url``, ``links``), search
box, customer links, help address, number of failed messages. Frames call it; fragments and macros
do not, so a poll costs none of it. ``icon(name, label=None)`` draws a symbol of the vendored set
and refuses an unknown name; ``static_url(name)`` is the versioned address of a static file;
``csrf_token()`` comes from Flask-WTF.

**Filters.** Times: ``relative_time``, ``exact_time``, ``machine_time``; ``duration``, ``grouped``,
``size``, ``initials``, ``plural``; ``json_html``, ``json_cut``, ``stack_trace``, ``sparkline``,
``waterfall``.

**Components** are macros: ``{% import "components.html" as ui %}``; the style guide shows each
with its call.

A variable that was not passed is an error, never an empty text.
"""

import re
import shlex
from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Flask
from jinja2 import StrictUndefined
from markupsafe import Markup

from app.web import formatting
from app.web.charts import sparkline_points, waterfall
from app.web.highlighting import characters_cut_off, highlighted_json
from app.web.navigation import Frame
from app.web.stack_traces import parse_stack_trace
from app.web.static_files import StaticFiles, static_blueprint

_SPRITE = "vendor/icons.svg"


def set_up_rendering(
    app: Flask,
    *,
    frame: Callable[[], Frame],
    now: Callable[[], datetime],
    files: StaticFiles,
    source_root: str = "",
) -> None:
    """Give the application its templates, filters and static files.

    ``frame`` is called within a request, at most a few times for each page. ``source_root`` is cut
    from the paths in stack traces.
    """
    templates = Blueprint("web_templates", __name__, template_folder="templates")
    app.register_blueprint(templates)
    app.register_blueprint(static_blueprint(files))

    environment = app.jinja_env
    environment.undefined = StrictUndefined
    environment.trim_blocks = True
    environment.lstrip_blocks = True
    environment.globals.update(
        frame=frame, static_url=files.address, icon=_icon_drawer(files), now=now
    )
    environment.filters.update(
        relative_time=lambda moment: formatting.relative_time(moment, now()),
        exact_time=formatting.exact_time,
        machine_time=formatting.machine_time,
        duration=formatting.duration,
        grouped=formatting.grouped,
        size=formatting.size,
        initials=formatting.initials,
        plural=formatting.plural,
        shell_word=shlex.quote,
        json_html=highlighted_json,
        json_cut=characters_cut_off,
        stack_trace=lambda text: parse_stack_trace(text, root=source_root),
        sparkline=sparkline_points,
        waterfall=waterfall,
    )


def _icon_drawer(files: StaticFiles) -> Callable[..., Markup]:
    address = files.address(_SPRITE)
    sprite = files.find(_SPRITE)
    assert sprite is not None, "address() refuses files that do not exist"
    known = set(re.findall(r'<symbol id="([^"]+)"', sprite.content.decode()))

    def icon(name: str, label: str | None = None) -> Markup:
        """A symbol; with a ``label`` it is an image that is read out, without one decoration.

        Raises:
            KeyError: ``vendor.toml`` does not list the symbol.
        """
        if name not in known:
            raise KeyError(f"no icon is named {name}; vendor.toml lists them")
        use = Markup('<use href="{}#{}"/>').format(address, name)
        if label is None:
            return Markup('<svg class="icon" aria-hidden="true">{}</svg>').format(use)
        return Markup('<svg class="icon" role="img" aria-label="{}">{}</svg>').format(label, use)

    return icon
