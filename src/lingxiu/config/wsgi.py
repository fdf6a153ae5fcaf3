"""The WSGI entry: `gunicorn lingxiu.config.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lingxiu.config.settings")
application = get_wsgi_application()
