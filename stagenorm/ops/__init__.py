"""The operator's side over HTTP: webhooks, the mode, offenders and deprecations. Starlette is imported here only."""

from stagenorm.errors import MissingExtraError

try:
    from stagenorm.ops.app import ops_app
    from stagenorm.ops.credentials import Credentials
    from stagenorm.ops.deprecations import deprecations_app
    from stagenorm.ops.offenders import Offenders
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in {"anyio", "itsdangerous", "pydantic", "starlette"}:
        raise
    raise MissingExtraError("the ops app", "ops") from error

__all__ = ["Credentials", "Offenders", "deprecations_app", "ops_app"]
