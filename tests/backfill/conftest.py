"""The databases that these tests work on."""

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
    servers,
    sqlite_places,
    start,
    start_postgresql,
)
