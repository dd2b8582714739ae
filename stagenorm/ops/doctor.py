"""What the doctor knows: the faults that people make, each found in what was gathered, with its fix. No I/O here."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from stagenorm.core.modes import Mode
from stagenorm.errors import ConfigurationError
from stagenorm.ops.credentials import ALERTMANAGER_TOKEN, TOKEN_KEY, WEBHOOK_SECRETS, WebhookSecret, make, word
from stagenorm.ops.signatures import TOLERANCE_SECONDS
from stagenorm.stores.environment import default_state, local_ceiling

_SHOWN = 40
_SKEW_SECONDS = TOLERANCE_SECONDS / 10
_METRIC = re.compile(r"\bstagenorm_[a-z0-9_]+")
_SAMPLE = re.compile(r"^(stagenorm_[a-z0-9_]+)(?:\{([^}]*)\})? ", re.MULTILINE)
_WATCHED = re.compile(r"""\bendpoint(?:=|: *)["']([A-Za-z0-9_.-]+)["']""")
# Lines of a rules file that name something else than metrics.
_NOT_EXPRESSIONS = re.compile(r"^\s*(#|-?\s*(name|alert|record|summary|description|runbook_url):).*$", re.MULTILINE)


def has_secrets(environ: Mapping[str, str]) -> bool:
    """Whether any secret of the ops app is set; without one there is no ops app, which is no fault."""
    return any(environ.get(name) for name in (TOKEN_KEY, ALERTMANAGER_TOKEN, WEBHOOK_SECRETS))


def secret_faults(environ: Mapping[str, str]) -> Iterator[str]:
    """Secrets that are missing beside others, short or used twice."""
    if not has_secrets(environ):
        return
    for name in (TOKEN_KEY, ALERTMANAGER_TOKEN):
        if name == TOKEN_KEY or environ.get(name):
            yield from _fault(partial(word, environ, name))
    webhook_secrets = environ.get(WEBHOOK_SECRETS, "").split()
    for secret in webhook_secrets:
        yield from _fault(partial(WebhookSecret.parse, secret))
    if not webhook_secrets and not environ.get(ALERTMANAGER_TOKEN):
        yield f"neither {WEBHOOK_SECRETS} nor {ALERTMANAGER_TOKEN} is set, so no alert acts: {make(WEBHOOK_SECRETS)}"
    owners: dict[str, str] = {}
    named = [(name, environ.get(name, "")) for name in (TOKEN_KEY, ALERTMANAGER_TOKEN)]
    for name, value in [*named, *((WEBHOOK_SECRETS, each) for each in webhook_secrets)]:
        if value and value in owners:
            yield f"{name} and {owners[value]} hold the same secret, so who has one has both: {make(name)}"
        owners.setdefault(value, name)


def _fault(check: Callable[[], object]) -> Iterator[str]:
    try:
        check()
    except ConfigurationError as error:
        yield str(error)


def store_names_faults(environ: Mapping[str, str], declared: str) -> Iterator[str]:
    """Another store than commands use.

    Args:
        environ: the service's.
        declared: the store that stagenorm.toml names; empty if none.
    """
    url = environ.get("STAGENORM_STORE", "")
    if url and declared and _place(url) != _place(declared):
        yield (
            "STAGENORM_STORE and stagenorm.toml name different stores, so a command that is given neither by --store nor by the "
            "environment changes one that the service does not read: name one of them in both"
        )


def store_faults(environ: Mapping[str, str]) -> Iterator[str]:
    """No store URL, one that no command reaches, or one whose client retries, so that its deadline is none."""
    url = environ.get("STAGENORM_STORE", "")
    if not url or url.lower().startswith("memory:"):
        found = "memory://" if url else "not set"
        yield (
            f"STAGENORM_STORE is {found}, so each process has modes of its own and no command reaches them: "
            "export STAGENORM_STORE=file:///var/lib/stagenorm/modes.json"
        )
    for name, _ in parse_qsl(url.partition("?")[2]):
        if name.startswith("retry"):
            yield f"STAGENORM_STORE has {name}: the client would wait several times its deadline; remove it from the URL"


def _place(url: str) -> tuple[str | int | None, ...]:
    """Which store a URL means, however its login and its path are written."""
    try:
        parts = urlsplit(url)
        parameters = dict(parse_qsl(parts.query))
        path = "/" + posixpath.normpath(unquote(parts.path) or "/").lstrip("/")
        if parts.scheme in {"redis", "rediss"}:
            host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
            database = parameters.get("db") or path.strip("/") or "0"
            return parts.scheme, host, parts.port or 6379, database, parameters.get("prefix", "stagenorm")
        hosts = parts.netloc.rpartition("@")[2].lower()
        return parts.scheme, hosts, path, parameters.get("db"), parameters.get("prefix", "stagenorm")
    except ValueError:
        return (url,)


def mode_faults(environ: Mapping[str, str], ceiling: str | None) -> Iterator[str]:
    """Settings that name no mode.

    Args:
        environ: the service's.
        ceiling: what the file of this host's ceiling holds; None if there is none.
    """
    yield from _fault(partial(default_state, environ))
    yield from _fault(partial(local_ceiling, environ))
    known = [mode.value for mode in Mode]
    if ceiling and ceiling not in known:
        yield (
            f"STAGENORM_FORCE_FILE counts as warn, for it names a file that holds {ceiling[:_SHOWN]!a}: write one of "
            f"{', '.join(known)}, or remove it"
        )


def multiprocess_faults(environ: Mapping[str, str], *, is_directory: bool) -> Iterator[str]:
    """Several workers whose metrics do not add up.

    Args:
        environ: the service's.
        is_directory: whether PROMETHEUS_MULTIPROC_DIR names a directory that can be written to.
    """
    directory = environ.get("PROMETHEUS_MULTIPROC_DIR")
    if directory and not is_directory:
        yield (
            f"PROMETHEUS_MULTIPROC_DIR names {directory}, no directory that can be written to: mkdir -p it before the "
            "service starts"
        )
    workers = environ.get("WEB_CONCURRENCY", "1")
    if not directory and workers.isdecimal() and int(workers) > 1:
        yield (
            f"WEB_CONCURRENCY is {workers} and PROMETHEUS_MULTIPROC_DIR is not set, so each scrape shows one worker: "
            "set it to an empty directory"
        )


def contact_point_faults(where: str, text: str) -> Iterator[str]:
    """A Grafana contact point, in YAML, JSON or Terraform, that signs without a timestamp."""
    signs = re.search(r"hmac_?config", text, re.IGNORECASE)
    if signs and not re.search(
        r"timestamp_?header[\"']?\s*[:=]\s*[\"']?x-grafana-alerting-timestamp", text, re.IGNORECASE
    ):
        yield (
            f"{where}: its HMAC signature has no timestamp header, so its deliveries are refused: set timestampHeader to "
            "X-Grafana-Alerting-Timestamp"
        )


def metrics_faults(exposition: str) -> Iterator[str]:
    """An exposition without our metrics, or with buckets that do not resolve 1 ms."""
    samples = list(_SAMPLE.finditer(exposition))
    if not samples:
        yield "the metrics hold no series of stagenorm: give the boundary a PrometheusHook"
    buckets: dict[str, set[str]] = {}
    for name, labels in (sample.groups() for sample in samples):
        edge = re.search(r'le="([^"]*)"', labels or "")
        if name.endswith("_seconds_bucket") and edge:
            buckets.setdefault(name, set()).add(edge[1])
    for name, edges in buckets.items():
        if "0.001" not in edges:
            yield f'{name} has no bucket le="0.001", so p99 over 1 ms cannot be told: use the hook\'s own buckets'


def rules_faults(where: str, rules: str, exposition: str) -> Iterator[str]:
    """Rules that name metrics which are not exported, so that they never fire."""
    exported = {sample[1] for sample in _SAMPLE.finditer(exposition)}
    for name in sorted(set(_METRIC.findall(_NOT_EXPRESSIONS.sub("", rules))) - exported):
        yield f"{where}: it names {name}, which the service does not export: stagenorm rules write DIR"


def endpoint_faults(rules: Mapping[str, str], exposition: str) -> Iterator[str]:
    """Rules for endpoints that the service does not have, and endpoints that rules with endpoints leave out.

    Args:
        rules: the content of rules files by their names.
        exposition: of the service.
    """
    known = {name for sample in _SAMPLE.finditer(exposition) for name in re.findall(r'endpoint="([^"]*)"', sample[0])}
    watched = {where: set(_WATCHED.findall(_NOT_EXPRESSIONS.sub("", text))) for where, text in rules.items()}
    if not known:
        return
    for where, names in watched.items():
        for name in sorted(names - known):
            yield (
                f"{where}: it watches endpoint {name}, and the service has {', '.join(sorted(known))}: correct its name "
                "in stagenorm.toml"
            )
    every = set().union(*watched.values())
    for name in sorted(known - every) if every else ():
        yield f"no rule watches endpoint {name}: add it to stagenorm.toml, and stagenorm rules write DIR"


def ops_faults(status: int, url: str) -> Iterator[str]:
    """An ops app that is open, or is none.

    Args:
        status: what GET ``/mode`` without a token was answered.
        url: where the ops app is mounted.
    """
    if status == 404:
        yield f"{url} is no ops app: give the URL that it is mounted at, such as http://host/_ops/stagenorm"
    elif status != 401:
        yield f"{url}/mode answered {status} without a token: something in front of it lets everybody in; take it away"


def health_faults(held: bool, status: str, revision: int, stored: int | None) -> Iterator[str]:
    """A process that cannot follow its store, or follows another one.

    Args:
        held: whether it holds itself at warn.
        status: ``ok``, or what else it says.
        revision: of the store, as it holds it.
        stored: the revision of the store that the environment names; None where that is not known.
    """
    if stored is not None and status == "ok" and revision != stored:
        yield (
            f"the service is at revision {revision} of its store, and STAGENORM_STORE is at {stored}: they are two stores, or "
            "somebody changed it this moment"
        )
    if status != "ok":
        yield "the service cannot read its store: check STAGENORM_STORE and the store itself"
    if held:
        yield "a downgrade could not be stored, and a worker holds itself at warn: stagenorm mode downgrade --reason TEXT"


def clock_faults(date: str | None, now: float) -> Iterator[str]:
    """Clocks that differ so much that signatures will soon expire.

    Args:
        date: the service's Date header.
        now: seconds since the epoch.
    """
    try:
        skew = abs(parsedate_to_datetime(date).timestamp() - now) if date else 0.0
    except ValueError:
        yield f"the service's Date header is {date!a}, which is no date: its clock cannot be compared"
        return
    if skew > _SKEW_SECONDS:
        yield (
            f"the service's clock and this one differ by {skew:.0f} s, and signatures hold for {TOLERANCE_SECONDS} s: "
            "synchronise both"
        )


def rules_files(path: Path) -> list[Path]:
    """The rules files of a directory, or the one file."""
    return sorted([*path.rglob("*.yml"), *path.rglob("*.yaml")]) if path.is_dir() else [path]
