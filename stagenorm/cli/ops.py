"""``stagenorm ops serve`` and ``stagenorm relay``: the parts of the operator's side that run on their own."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from stagenorm.boundary.boundary import Boundary
from stagenorm.cli import output
from stagenorm.cli.options import CONFIGURATION, ConfigurationFile, Store, chosen_store
from stagenorm.config import load_configuration
from stagenorm.errors import ConfigurationError
from stagenorm.stores import ModeResolver
from stagenorm.stores.environment import default_state, local_ceiling

app = typer.Typer(help="The operator's side over HTTP.", no_args_is_help=True)

Port = Annotated[int, typer.Option("--port", min=1, max=65535, help="The port to listen at.")]


@app.command()
def serve(
    port: Port = 9096,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="The address to listen at.")] = "127.0.0.1",
    alert: Annotated[
        list[str] | None,
        typer.Option(
            "--alert",
            metavar="NAME",
            help='An alert that pulls enforcement back, besides those with the label stagenorm="downgrade".',
        ),
    ] = None,
    config: ConfigurationFile = CONFIGURATION,
    store: Store = "",
) -> None:
    """Serve the ops app alone: webhooks, mode and health.

    The configuration declares the endpoints, and names the store if --store does not. Secrets come from
    STAGENORM_TOKEN_KEY, STAGENORM_WEBHOOK_SECRETS and STAGENORM_ALERTMANAGER_TOKEN.
    """
    from stagenorm.ops import ops_app  # noqa: PLC0415 - an extra
    from stagenorm.ops.serving import serve as serve_app  # noqa: PLC0415 - an extra

    service = load_configuration(config)
    if not service.endpoints:
        raise ConfigurationError(f"{config}: declare method, path and fields of the endpoints (docs/configuration.md)")
    modes = ModeResolver(chosen_store(store, config), default_state(os.environ), ceiling=local_ceiling(os.environ))
    boundary = Boundary(service.vocabulary, service.endpoints, modes)
    served = ops_app(boundary, alerts=alert or ())
    serve_app(served, host, port, lambda: output.show(f"ops app on http://{host}:{port}", stderr=True))


def relay(
    to: Annotated[str, typer.Option("--to", metavar="URL", help="The service's webhook.")],
    port: Port = 9095,
) -> None:
    """Sign what a stock Alertmanager posts, and pass it on.

    It listens on 127.0.0.1 only and signs with the first secret of STAGENORM_WEBHOOK_SECRETS. It answers what the
    service answered, so that Alertmanager retries when the service wants it to.
    """
    from stagenorm.ops.credentials import WEBHOOK_SECRETS, WebhookSecret, make  # noqa: PLC0415 - an extra
    from stagenorm.ops.relay import relay_app  # noqa: PLC0415 - an extra
    from stagenorm.ops.serving import serve as serve_app  # noqa: PLC0415 - an extra

    secrets = os.environ.get(WEBHOOK_SECRETS, "").split()
    if not secrets:
        raise ConfigurationError(
            f"{WEBHOOK_SECRETS} is not set: give the service's, or make one: {make(WEBHOOK_SECRETS)}"
        )
    served = relay_app(to, WebhookSecret.parse(secrets[0]))
    serve_app(served, "127.0.0.1", port, lambda: output.show(f"relay on http://127.0.0.1:{port}/", stderr=True))
