"""``stagenorm preflight``: everything that must be proved before the first week, each row run for real."""

from __future__ import annotations

import json as json_
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from stagenorm.cli import output
from stagenorm.cli.database_options import DatabaseOptions, PgBin
from stagenorm.cli.exits import ExitCode
from stagenorm.cli.options import CONFIGURATION, ConfigurationFile, Json, Store, chosen_store, store_name, store_url
from stagenorm.config import Configuration, load_configuration
from stagenorm.core.conclusion import Conclusion
from stagenorm.errors import ConfigurationError, MissingExtraError, ServiceError, StagenormError, StoreError
from stagenorm.rollout import preflight as judge
from stagenorm.rollout.drills import fall_silent, time_reads
from stagenorm.rollout.evidence import read_evidence
from stagenorm.rollout.gates import Result, reported
from stagenorm.rollout.observations import NotKnown
from stagenorm.rollout.review import REVIEW, read_review
from stagenorm.stores import ModeStore
from stagenorm.stores.environment import default_state
from stagenorm.times import moment

_CONSUMERS = "stagenorm consumers report --log FILE --out consumers.json"


def preflight(
    *,
    config: ConfigurationFile = CONFIGURATION,
    store: Store = "",
    database: Annotated[
        str,
        typer.Option(
            "--database",
            metavar="URL",
            envvar="STAGENORM_DATABASE",
            help="That the backup is of; what [backfill] names without it.",
        ),
    ] = "",
    dump: Annotated[Path | None, typer.Option("--dump", metavar="FILE", help="The backup to restore.")] = None,
    pg_bin: PgBin = None,
    rehearse: Annotated[str, typer.Option("--test-database", metavar="URL", help="To rehearse on.")] = "",
    table: Annotated[
        str, typer.Option("--test-table", metavar="NAME", help="Its table that is counted.")
    ] = "stagenorm_scratch",
    review: Annotated[Path, typer.Option("--review", metavar="FILE", help="Of the vocabulary.")] = REVIEW,
    json: Json = False,
) -> None:
    """Run the list of Week 0.

    Consumers, mode store, backup, vocabulary, alerts and webhook. Nothing is changed: the backup restores into a database of its own, and the test alert pulls nothing back. Secrets
    are taken from the environment of the service. Exits with 1 if a row fails, and with 3 if one is not known.
    """
    configuration = load_configuration(config)
    url = store_url(store, config)
    kept = chosen_store(url)
    database = database or configuration.backfill.database or ""
    results = [
        _consumers(configuration),
        judge.mode_store(time_reads(kept), store_name(url)),
        _fallback(kept),
        _backup(database, dump, pg_bin),
        _rehearsal(rehearse, table, database),
        judge.vocabulary(read_review(review), configuration.vocabulary.fingerprint),
        _alert_rules(configuration),
        _webhook(configuration, kept),
    ]
    verdict = Conclusion.gravest(each.verdict for each in results)
    if json:
        rows = [
            {"check": each.gate, "result": each.verdict.value, "found": each.why, "remedy": each.remedy or None}
            for each in results
        ]
        output.show_json({"generated_at": moment(time.time()), "result": verdict.value, "checks": rows})
    else:
        _show(results)
    if verdict is not Conclusion.PASS:
        raise typer.Exit(ExitCode.of(verdict))


def _show(results: list[Result]) -> None:
    rows = output.table("check", "says", "found", whole=("check", "says"))
    for each in results:
        rows.add_row(each.gate, output.conclusion(each.verdict), output.cell(each.why))
    output.show(rows)
    for remedy in _remedies(results):
        output.show(f"to do: {remedy}")


def _remedies(results: list[Result]) -> Iterator[str]:
    yield from dict.fromkeys(each.remedy for each in results if each.verdict is not Conclusion.PASS and each.remedy)


def _consumers(configuration: Configuration) -> Result:
    settings = configuration.rollout
    found = read_evidence(settings.files, os.environ).consumers
    return reported("consumers clear", found, time.time(), settings.plan.limits.evidence, _CONSUMERS)


def _fallback(store: ModeStore) -> Result:
    try:
        return judge.fallback(fall_silent(store, default_state(os.environ)))
    except MissingExtraError as error:
        return judge.fallback(NotKnown(str(error)))


def _backup(url: str, dump: Path | None, pg_bin: Path | None) -> Result:
    if dump is None or not url:
        return judge.restored(NotKnown("no backup is named: --dump FILE, and --database URL"))
    try:
        from stagenorm.backups.restore import restore_test  # noqa: PLC0415 - an extra

        return judge.restored(restore_test(DatabaseOptions(url).open(), dump, tools_in=pg_bin).seconds)
    except MissingExtraError as error:
        return judge.restored(NotKnown(str(error)))
    except StagenormError as error:
        return judge.restored(NotKnown(str(error)), failed=True)


def _rehearsal(url: str, table: str, real: str) -> Result:
    if not url:
        return judge.rehearsal(NotKnown("none is named: --test-database URL"))
    try:
        from stagenorm.backfill.counting import count_rows  # noqa: PLC0415 - an extra

        schema, _, name = table.rpartition(".")
        if real and _identity(real) == _identity(url):
            return judge.rehearsal(NotKnown("it is the very database that --database names"), failed=True)
        with DatabaseOptions(url).open().reading() as connection:
            return judge.rehearsal(count_rows(connection, name, schema or None))
    except MissingExtraError as error:
        return judge.rehearsal(NotKnown(str(error)))
    except StagenormError as error:
        return judge.rehearsal(NotKnown(str(error)), failed=True)


def _identity(url: str) -> tuple[str, str]:
    """Which database on which running server: a copy of a whole cluster, promoted, has the identity of its source."""
    database = DatabaseOptions(url).open()
    with database.reading() as connection:
        return database.identity(connection), database.server_start(connection)


def _alert_rules(configuration: Configuration) -> Result:
    url = configuration.rollout.watching.prometheus
    if url is None:
        return judge.alert_rules(NotKnown("no prometheus is named under [rollout] in stagenorm.toml"))
    from stagenorm.cli.ops_client import get  # noqa: PLC0415 - an extra

    try:
        return judge.alert_rules(judge.loaded_alerts(get(f"{url}/api/v1/rules").text))
    except ServiceError as error:
        return judge.alert_rules(NotKnown(str(error)))


def _webhook(configuration: Configuration, store: ModeStore) -> Result:
    from stagenorm.cli.ops_client import get, post_json  # noqa: PLC0415 - an extra

    body = json_.dumps(judge.TEST_ALERT).encode()
    try:
        headers = _proof(body)
        before = store.read().revision
        url = configuration.watched.ops_url.rstrip("/")
        answer = post_json(f"{url}/webhooks/alertmanager", body, headers)
        result = str(json_.loads(answer.text).get("result", "")) if answer.status == 200 else ""
        follows = int(json_.loads(get(f"{url}/healthz").text)["revision"]) if result else 0
        return judge.webhook(judge.Delivered(answer.status, result, before, store.read().revision, follows))
    except (ConfigurationError, MissingExtraError) as error:
        return judge.webhook(NotKnown(str(error)))
    except (ServiceError, StoreError) as error:
        return judge.webhook(NotKnown(str(error)), failed=True)
    except (ValueError, AttributeError, KeyError, TypeError):
        return judge.webhook(NotKnown("what answers at ops_url is no ops app"), failed=True)


def _proof(body: bytes) -> dict[str, str]:
    """The headers that prove who sent the test alert, with the secrets that the service has too."""
    from stagenorm.ops.credentials import ALERTMANAGER_TOKEN, WEBHOOK_SECRETS, WebhookSecret  # noqa: PLC0415 - an extra
    from stagenorm.ops.signatures import sign  # noqa: PLC0415 - an extra

    written = os.environ.get(WEBHOOK_SECRETS, "").split()
    if written:
        return sign(WebhookSecret.parse(written[0]).key, f"preflight_{secrets.token_hex(8)}", time.time(), body)
    if token := os.environ.get(ALERTMANAGER_TOKEN):
        return {"Authorization": f"Bearer {token}"}
    raise ConfigurationError(f"neither {WEBHOOK_SECRETS} nor {ALERTMANAGER_TOKEN} is set: export the service's")
