"""What the environment says of modes: the default, and this host's ceiling. Services and commands read the same."""

from __future__ import annotations

from collections.abc import Mapping

from stagenorm.core.modes import Mode, ModeState
from stagenorm.errors import ConfigurationError
from stagenorm.stores.ceiling import Ceiling


def default_state(environ: Mapping[str, str]) -> ModeState:
    """What holds while a store holds nothing: ``STAGENORM_DEFAULT_MODE``, warn without it; enforce holds everybody.

    Raises:
        ConfigurationError: it names no mode.
    """
    name = environ.get("STAGENORM_DEFAULT_MODE", Mode.WARN.value)
    try:
        return ModeState(Mode(name))
    except ValueError:
        known = ", ".join(mode.value for mode in Mode)
        raise ConfigurationError(f"STAGENORM_DEFAULT_MODE is {name!r}: use one of {known}") from None


def local_ceiling(environ: Mapping[str, str]) -> Ceiling:
    """This host's ceiling: ``STAGENORM_FORCE_MODE``, and the file at ``STAGENORM_FORCE_FILE`` once it is there.

    Raises:
        ConfigurationError: the first names no mode.
    """
    return Ceiling.parse(environ.get("STAGENORM_FORCE_MODE"), environ.get("STAGENORM_FORCE_FILE"))
