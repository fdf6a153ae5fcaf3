"""Django's settings, made from `environment()`. One file for all: what differs between installations is in the environment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import django_stubs_ext
from csp.constants import NONE, SELF

from lingxiu.config.environment import environment
from lingxiu.config.logs import configure_logs
from lingxiu.home import home, secret

django_stubs_ext.monkeypatch()

_env = environment()

SECRET_KEY = secret("django_key")
DEBUG = False
DEMO = _env.demo
ALLOWED_HOSTS = _env.host_list
BASE_URL = _env.base_url
SECURE = BASE_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = [BASE_URL]


def _database(url: str) -> dict[str, Any]:
    """Django's database settings of a libpq URL; its query (`?host=/socket/dir`) wins, as in libpq."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": query.pop("dbname", None) or unquote(parts.path.lstrip("/")),
        "USER": query.pop("user", None) or unquote(parts.username or ""),
        "PASSWORD": query.pop("password", None) or unquote(parts.password or ""),
        "HOST": query.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": query.pop("port", None) or str(parts.port or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"application_name": "lingxiu", **query},
    }


DATABASES = {"default": _database(_env.database_url or "postgresql://lingxiu@/lingxiu?host=/nonexistent")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    # the house, from roof to floor
    "lingxiu.portal",
    "lingxiu.exchange",
    "lingxiu.notices",
    "lingxiu.rating",
    "lingxiu.selfservice",
    "lingxiu.sensing",
    "lingxiu.issues",
    "lingxiu.merchants",
    "lingxiu.territory",
    "lingxiu.accounts",
    "lingxiu.journal",
    "lingxiu.files",
    "lingxiu.policy",
    "lingxiu.ui",
    # chosen parts
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_cotton",
    "django_htmx",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "axes",
    "csp",
    "procrastinate.contrib.django",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "lingxiu.ui.middleware.FormAnswers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "lingxiu.ui.middleware.WithinBounds",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "lingxiu.accounts.middleware.SignedInUnlessOpen",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "lingxiu.config.urls"
WSGI_APPLICATION = "lingxiu.config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["django_cotton.cotton_loader.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "lingxiu.ui.context.installation",
                "lingxiu.portal.menu.menu",
                "lingxiu.notices.context.unread_notices",
            ],
            "builtins": [
                "django_cotton.templatetags.cotton",
                "django.templatetags.i18n",
                "django.templatetags.static",
                "lingxiu.ui.templatetags.lingxiu",
            ],
        },
    }
]
COTTON_SNAKE_CASED_NAMES = True

# Language and time. Chinese first, English whole.
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = _env.time_zone
FORMAT_MODULE_PATH = ["lingxiu.ui.formats"]
LANGUAGE_COOKIE_SAMESITE = "Lax"

# Static files: built by esbuild into ui/static/built, hashed by Django, served by WhiteNoise.
STATIC_URL = "/static/"
STATIC_ROOT = home() / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
FILES_ROOT = home() / "files"
# How much one request may carry: photos and lists where a form asks for them, else what a form without files needs.
MOST_BYTES_WITH_FILES = 32 * 1024 * 1024
MOST_BYTES = 1024 * 1024
_WITH_FILES = (
    "complain/",
    "m/[^/]+/complain/",
    "r/[^/]+",
    "issues/new/",
    "issues/asked/new/",
    "issues/sheet/",
    "issues/templates/",
    "issues/orders/new/",
    "issues/orders/[0-9]+/[0-9]+/",
    "issues/joint/[0-9]+/[0-9]+/",
    "issues/roster/",
    "issues/roster/duty/",
    "issues/lookback/places/",
    "issues/[^/]+/(moves|inspection|look)/",
    "merchants/import/",
    "merchants/[0-9]+/inspection/",
    "sensing/import/",
    "exchange/12345/",
    "api/v1/photos",
    r"open311/v2/requests\.(json|xml)",
    "shop/[0-9]+/[a-z]+/",
    "shop/issues/[0-9]+/",
)
TAKES_FILES = rf"/({'|'.join(_WITH_FILES)})$"
DATA_UPLOAD_MAX_NUMBER_FILES = 45  # of a shop of a joint round a picture each of up to 40 finds (policy), chosen or not
DATA_UPLOAD_MAX_MEMORY_SIZE = MOST_BYTES
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_TEMP_DIR = None

# Signing in.
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in [
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 10}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    ]
]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"
OFFICER_TOTP = _env.officer_totp
SESSION_COOKIE_AGE = _env.idle_minutes * 60
SESSION_SAVE_EVERY_REQUEST = False
SESSION_ENGINE = "django.contrib.sessions.backends.db"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "lingxiu.accounts.views.locked_out"
# Its tables get keyed hashes for names and addresses, and no row for who came in: the journal has that.
AXES_USERNAME_CALLABLE = "lingxiu.accounts.lockout.name_index"
AXES_CLIENT_IP_CALLABLE = "lingxiu.accounts.lockout.address_index"
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False
SILENCED_SYSTEM_CHECKS: list[str] = []

# In the browser.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "lingxiu.ui.views.csrf_failure"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "worker-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:", *(["https://*.tianditu.gov.cn"] if _env.tianditu_key else [])],
        "media-src": [SELF, "blob:"],  # a voice note is heard before it is sent
        "connect-src": [SELF, *(["https://*.tianditu.gov.cn"] if _env.tianditu_key else [])],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# How people are told, and by whom (connectors/).
ZHEZHENGDING_HOST = _env.zhezhengding_host.rstrip("/")
ZHEZHENGDING_KEY = _env.zhezhengding_key
ZHEZHENGDING_SECRET = _env.zhezhengding_secret
ZHEZHENGDING_TENANT = _env.zhezhengding_tenant
ZHEZHENGDING_JSAPI = _env.zhezhengding_jsapi
ACT_CODES_HOST = _env.act_codes_host.rstrip("/")
ACT_CODES_KEY = _env.act_codes_key
ACT_CODES_SECRET = _env.act_codes_secret
SMS_URL = _env.sms_url
SMS_TOKEN = _env.sms_token
MAIL_FROM = DEFAULT_FROM_EMAIL = _env.mail_from
_mail = urlsplit(_env.smtp_url)
EMAIL_HOST = _mail.hostname or ""
EMAIL_PORT = _mail.port or 25
EMAIL_HOST_USER = unquote(_mail.username or "")
EMAIL_HOST_PASSWORD = unquote(_mail.password or "")
EMAIL_USE_SSL = _mail.scheme == "smtps"
EMAIL_USE_TLS = _mail.scheme == "smtp" and bool(_mail.username)
EMAIL_TIMEOUT = 10

# Jobs stand in each room's jobs.py.
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"

LOGGING_CONFIG = None
configure_logs()
