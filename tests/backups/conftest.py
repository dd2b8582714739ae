"""The databases that these tests work on."""

from places import (  # noqa: F401 - fixtures
    apply,
    conduct,
    engine,
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
