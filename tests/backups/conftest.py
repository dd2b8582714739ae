"""The databases and the dumps that these tests work on."""

from places import (  # noqa: F401 - fixtures
    apply,
    conduct,
    normalizer,
    on_postgresql,
    on_sqlite,
    other_place,
    place,
    place_on,
    postgresql,
    server_of,
    sqlite_places,
    start,
    start_postgresql,
)

from tests.backups.dumps import (  # noqa: F401 - fixtures
    dump,
    engine,
    environment,
    left_behind,
    made_as,
    old_tools,
    prove,
    table,
    tools_in,
)
