"""The Flask application for a web server: ``gunicorn wsgi:application``."""

from app.composition.environment import load_settings
from app.composition.web import create_app

application = create_app(load_settings())
