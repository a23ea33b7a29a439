"""The Celery application of a worker: ``celery -A celery_worker worker``."""

from app.composition.environment import load_settings
from app.composition.worker import create_worker

app = create_worker(load_settings())
