"""Settings. Everything that may differ between two installations is an environment variable.

`make run` stores its data in `SCALETIER_HOME` (default `.scaletier`): databases, mail, secret key.
`DATABASE_URL` replaces the embedded PostgreSQL, `VALKEY_URL` the embedded Valkey. With
`SCALETIER_PRODUCTION=1` there is no home: what a process needs and lacks stops it.
"""

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
import django_stubs_ext
import limits
from whitenoise.compress import Compressor

from common.client_address import TrustedProxies
from scaletier import environment, home

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = home.path()
ENGINES = home.engine_urls(HOME)

PRODUCTION = environment.is_production()
if PRODUCTION:
    environment.check_production()
DEBUG = False
SECRET_KEY = os.environ.get("SCALETIER_SECRET_KEY") or home.secret_key(HOME)
# Earlier keys, while the sessions, links and stored secrets made with them are to stay good.
SECRET_KEY_FALLBACKS = os.environ.get("SCALETIER_SECRET_KEY_FALLBACKS", "").split()
PUBLIC_URL = (
    os.environ.get("SCALETIER_PUBLIC_URL")
    or f"http://127.0.0.1:{os.environ.get('SCALETIER_PORT') or 8000}"
).rstrip("/")
PUBLIC_HOST = urlsplit(PUBLIC_URL).hostname or "localhost"
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]  # Probes of the machine itself use them.
ALLOWED_HOSTS = [
    *LOCAL_HOSTS,
    *(os.environ.get("SCALETIER_ALLOWED_HOSTS") or PUBLIC_HOST).replace(" ", "").split(","),
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
# How many proxies stand before the product, or their networks: what they say of clients counts.
TRUSTED_PROXIES = TrustedProxies.parse(os.environ.get("SCALETIER_TRUSTED_PROXIES", ""))

# --- Applications -----------------------------------------------------------------------------

INSTALLED_APPS = [
    "scaletier",
    "common",
    "accounts",
    "billing",
    "capacity",
    "capacity.usage",
    "capacity.gateway",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "scaletier.static_files.NeededStaticFiles",
    "django.contrib.humanize",
    "django_htmx",
    "template_partials",
    "pgtrigger",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
]

MIDDLEWARE = [
    "scaletier.health.HealthChecks",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "common.compression.Compression",
    "accounts.middleware.NoStore",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.SessionActivity",
    "accounts.middleware.KnownDevices",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "scaletier.urls"
ASGI_APPLICATION = "scaletier.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- The web server -------------------------------------------------------------------------------

WEB_WORKERS = environment.whole_number("SCALETIER_WEB_WORKERS", default=2, at_most=256)
WEB_THREADS = environment.whole_number("SCALETIER_WEB_THREADS", default=4, at_most=256)
"""Threads of each worker. Each keeps one connection with the database."""
REQUEST_SECONDS = environment.whole_number("SCALETIER_REQUEST_SECONDS", default=30, at_most=600)
"""How long a client may take to send the headers of a request, and then its body."""

# --- The gateway ----------------------------------------------------------------------------------

# Any OpenAI-compatible server, with its `/v1`, and our key there.
UPSTREAM_URL = os.environ.get("SCALETIER_UPSTREAM_URL", "")
UPSTREAM_KEY = os.environ.get("SCALETIER_UPSTREAM_KEY", "")
GATEWAY_URL = os.environ.get("SCALETIER_GATEWAY_URL", "").rstrip("/")
"""Where customers reach the gateway, with its `/v1`; shown to them. Empty: nowhere is said."""
GATEWAY_WORKERS = environment.whole_number("SCALETIER_GATEWAY_WORKERS", default=1, at_most=256)
# R15: what a request is taken to need for output that names no limit.
GATEWAY_OUTPUT_ESTIMATE = environment.whole_number(
    "SCALETIER_GATEWAY_OUTPUT_ESTIMATE", default=1_024, at_most=10_000_000
)
GATEWAY_MAX_BODY_BYTES = environment.whole_number(
    "SCALETIER_GATEWAY_MAX_BODY_BYTES", default=20_000_000, at_most=500_000_000
)
# Bytes of large bodies that a process holds at once; one organization may hold a quarter of them.
GATEWAY_HELD_BODY_BYTES = environment.whole_number(
    "SCALETIER_GATEWAY_HELD_BODY_BYTES", default=400_000_000, at_most=10**12
)
# Requests of one key that are open at once, in each process.
GATEWAY_REQUESTS_OF_KEY = environment.whole_number(
    "SCALETIER_GATEWAY_REQUESTS_OF_KEY", default=1_000, at_most=100_000
)
GATEWAY_REQUESTS_OF_ORGANIZATION = environment.whole_number(
    "SCALETIER_GATEWAY_REQUESTS_OF_ORGANIZATION", default=2_000, at_most=100_000
)
# Seconds: to connect with the upstream; that it may be silent, before its first byte or after it;
# that it may take in all; that a client may take nothing of its stream; to end when stopped; and
# to go on by what was known last of the entitlements, while the database does not answer.
(
    GATEWAY_CONNECT_SECONDS,
    GATEWAY_SILENT_SECONDS,
    GATEWAY_TOTAL_SECONDS,
    GATEWAY_STALLED_SECONDS,
    GATEWAY_STOP_SECONDS,
    GATEWAY_LAST_KNOWN_SECONDS,
) = (
    environment.whole_number(f"SCALETIER_GATEWAY_{name}_SECONDS", default=default, at_most=86_400)
    for name, default in (
        ("CONNECT", 5),
        ("SILENT", 600),
        ("TOTAL", 3_600),
        ("STALLED", 60),
        ("STOP", 60),
        ("LAST_KNOWN", 86_400),
    )
)
# Where that is kept, for a start without the database; production has no home, and must name it.
GATEWAY_LAST_KNOWN_FILE = os.environ.get("SCALETIER_GATEWAY_LAST_KNOWN_FILE") or (
    "" if PRODUCTION else str(HOME / "gateway" / "last_known")
)

# --- Data -------------------------------------------------------------------------------------

DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("DATABASE_URL") or ENGINES.database_url,
        conn_max_age=60,
        conn_health_checks=True,
    )
}
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 10)  # Seconds.
# The same database with the role that owns its tables, if the product runs as another.
MIGRATION_DATABASE_URL = os.environ.get("SCALETIER_MIGRATION_DATABASE_URL") or (
    "" if os.environ.get("DATABASE_URL") else ENGINES.migration_database_url
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
VALKEY_URL = os.environ.get("VALKEY_URL") or ENGINES.valkey_url
CACHES = {
    "default": {
        "BACKEND": "scaletier.cache.ForgivingRedisCache",
        "LOCATION": VALKEY_URL,
    }
}

# Counters and metering of the gateway: `redis+cluster://host:port` is any node of a Valkey Cluster.
GATEWAY_VALKEY_URL = os.environ.get("SCALETIER_GATEWAY_VALKEY_URL") or VALKEY_URL

# --- Time, money, language ----------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"  # R1: every day and period is UTC.
FORMAT_MODULE_PATH = ["scaletier.formats"]

# --- Users and sign-in --------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
MFA_ADAPTER = "accounts.adapter.SecondFactorAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # Not needed: users get their invitation at this address.
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Scale Tier] "
ACCOUNT_SESSION_REMEMBER = True
# Everyone in an office may share one IP address. The limits of passwords are the adapter's;
# `login_failed` is that of second-factor codes, which are asked for after the right password.
ACCOUNT_RATE_LIMITS = {
    "login": "300/m/ip",
    "login_failed": "5/5m/key",
    "reset_password": "20/m/ip,5/h/key",
}
# Passkeys count as second factors, and one alone is enough to sign in: it verifies the person too.
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Scale Tier"
MFA_RATE_LIMITS = {"webauthn_login": "60/m/ip"}  # An office; nothing can be guessed there.
# How long the API keys of members without a second factor work on, after it is required (R24).
SECOND_FACTOR_NOTICE = timedelta(
    days=environment.whole_number("SCALETIER_SECOND_FACTOR_NOTICE_DAYS", default=7, at_most=365)
)
PASSWORD_RESET_TIMEOUT = 3600  # Seconds that the link in the email is good for.
USERSESSIONS_TRACK_ACTIVITY = True
USERSESSIONS_ADAPTER = "accounts.adapter.SessionsAdapter"
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
if PRODUCTION:  # Browsers accept these names only over HTTPS and from this very host.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"

# --- Mail ---------------------------------------------------------------------------------------

EMAIL_HOST = os.environ.get("SCALETIER_EMAIL_HOST") or "localhost"
EMAIL_BACKEND = os.environ.get("SCALETIER_EMAIL_BACKEND") or (
    "django.core.mail.backends.smtp.EmailBackend"
    if os.environ.get("SCALETIER_EMAIL_HOST")
    else "django.core.mail.backends.filebased.EmailBackend"
)
EMAIL_FILE_PATH = HOME / "mail"
MAIL_TRANSPORT = environment.mail_transport()
EMAIL_PORT = MAIL_TRANSPORT.port
EMAIL_USE_TLS, EMAIL_USE_SSL = MAIL_TRANSPORT.starttls, MAIL_TRANSPORT.tls
EMAIL_HOST_USER = os.environ.get("SCALETIER_EMAIL_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("SCALETIER_EMAIL_PASSWORD", "")
EMAIL_TIMEOUT = (
    10  # Seconds. A mail server that never responds holds no worker and no row for good.
)
MAIL_DOMAIN = os.environ.get("SCALETIER_MAIL_DOMAIN") or (
    PUBLIC_HOST if PRODUCTION else "scaletier.example"
)
DEFAULT_FROM_EMAIL = f"Scale Tier <noreply@{MAIL_DOMAIN}>"

# --- Files --------------------------------------------------------------------------------------

# `make run` serves them as they are. Production collects, compresses and fingerprints them first.
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / ".staticfiles" if PRODUCTION else None
STATICFILES_DIRS = [
    BASE_DIR / "static",
    # Browser libraries are served as npm publishes them (see the lock file): no build step.
    ("tabler", BASE_DIR / "node_modules/@tabler/core/dist/css"),
    ("inter", BASE_DIR / "node_modules/@fontsource-variable/inter/files"),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "scaletier.static_storage.HashedStaticFiles"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage",
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = [*Compressor.SKIP_COMPRESS_EXTENSIONS, "map"]

# --- Headers: no inline scripts, no inline styles, nothing from other sites -----------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_SSL_HOST = urlsplit(PUBLIC_URL).netloc
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    # Whether the domain is in the browsers' own lists is for its owner to say, not for this host.
    SILENCED_SYSTEM_CHECKS = ["security.W021"]
    if TRUSTED_PROXIES.count or TRUSTED_PROXIES.networks:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- The payment provider: without a secret key invoices wait until there is one ------------------

STRIPE_SECRET_KEY = os.environ.get("STRIPE_SECRET_KEY", "")
STRIPE_WEBHOOK_SECRET = os.environ.get("STRIPE_WEBHOOK_SECRET", "")
STRIPE_API_BASE = os.environ.get("STRIPE_API_BASE", "")  # Empty: Stripe's own address.

# --- API ----------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.ApiKeyAuthentication",
        "accounts.api.authentication.BrowserSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "common.api.problems.problem_response",
    "UNAUTHENTICATED_USER": None,
}
# Requests by API key; those without one, by address; and wrong keys, by address.
API_RATE_LIMITS = {
    policy: limits.parse(os.environ.get(variable) or default)
    for policy, variable, default in (
        ("key", "SCALETIER_RATE_LIMIT_KEY", "12000/minute"),
        ("address", "SCALETIER_RATE_LIMIT_ADDRESS", "12000/minute"),
        ("wrong-keys", "SCALETIER_RATE_LIMIT_WRONG_KEYS", "60/minute"),
    )
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Scale Tier API",
    "DESCRIPTION": "Buy, hold and cancel token units. Money is integer minor units.\n\n"
    "Requests are limited by API key, those without one by address. Every response has "
    "`RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10). Beyond the "
    "limit the answer is 429 with `Retry-After`. So it is for many wrong keys from one address.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Several enums belong to fields of the same name; here each gets its own name in the schema.
    "ENUM_NAME_OVERRIDES": {
        "CancellationStatus": "capacity.models.CancellationStatus",
        "InvoiceStatus": "billing.serializers.invoices.INVOICE_STATUSES",
        "ChargeType": "billing.models.ChargeType",
        "TransactionType": "capacity.models.TransactionType",
    },
}

# --- Scheduled tasks ------------------------------------------------------------------------------

CELERY_BROKER_URL = VALKEY_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # However long the broker is away.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 5}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # It keeps no file: every interval is short.
CELERY_BEAT_SCHEDULE = {
    # Each run opens every day that is due (R7), so a run may be late or missing.
    "open due days": {
        "task": "capacity.tasks.open_due_days",
        "schedule": timedelta(minutes=5),
    },
    "close windows": {
        "task": "capacity.usage.tasks.close_windows",
        "schedule": timedelta(minutes=5),
    },
    "raise usage alerts": {
        "task": "capacity.usage.tasks.raise_alerts",
        "schedule": timedelta(minutes=5),
    },
    "keep partitions of usage": {
        "task": "capacity.usage.tasks.keep_usage_partitions",
        "schedule": timedelta(hours=6),
    },
    # What is not metered yet is lost if Valkey loses its memory: a second's worth.
    "meter the gateway": {
        "task": "capacity.gateway.tasks.meter",
        "schedule": timedelta(seconds=1),
        "options": {"expires": 2},
    },
    "keep partitions of gateway requests": {
        "task": "capacity.gateway.tasks.keep_request_partitions",
        "schedule": timedelta(hours=6),
    },
    "sync invoices": {
        "task": "billing.tasks.sync_invoices",
        "schedule": timedelta(seconds=20),
        "options": {"expires": 20},  # After an outage one run is enough.
    },
    "sync customers": {
        "task": "billing.tasks.sync_customers",
        "schedule": timedelta(seconds=20),
        "options": {"expires": 20},
    },
    "process events": {
        "task": "billing.tasks.process_events",
        "schedule": timedelta(minutes=1),
    },
    "send emails": {
        "task": "accounts.tasks.send_emails",
        "schedule": timedelta(seconds=20),
    },
}

# --- Logs -----------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {"stripe": {"level": "WARNING"}},  # At INFO it logs every request.
    "root": {"handlers": ["console"], "level": os.environ.get("SCALETIER_LOG_LEVEL", "INFO")},
}

# --- The product ---------------------------------------------------------------------------------

# The account plan of an organization on a model, where an operator has set no other (R25).
ACCOUNT_PLAN_RPM = environment.whole_number(
    "SCALETIER_ACCOUNT_PLAN_RPM", default=10_000, at_most=999_999_999
)
ACCOUNT_PLAN_TPM = environment.whole_number(
    "SCALETIER_ACCOUNT_PLAN_TPM", default=10_000_000, at_most=999_999_999
)
CURRENCY = "usd"  # The only currency; a catalogue in any other is rejected.
# Who issues invoices: the name, then the lines of the address, and the tax id. Production has no
# default.
DEMO_SELLER = (
    "Scale Tier Demo Inc. | 1 Example Street | Springfield, IL 62701 | United States"
    " | EIN 00-0000000"
)
SELLER = [line.strip() for line in (os.environ.get("SCALETIER_SELLER") or DEMO_SELLER).split("|")]
SUPPORT_EMAIL = os.environ.get("SCALETIER_SUPPORT_EMAIL", "capacity@scaletier.example")
