"""Listener: hears of a store's changes as long as the store lets it, and never raises."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress

from stagenorm.errors import StoreError
from stagenorm.stores.protocol import ModeStore, Subscription

_logger = logging.getLogger("stagenorm")


class Listener:
    """One subscription at a time. Used by one thread; any thread may drop it.

    Args:
        store: whose changes are heard.
    """

    def __init__(self, store: ModeStore) -> None:
        self._store = store
        self._subscription: Subscription | None = None

    def connect(self) -> bool:
        """Subscribe, if that is not done. Returns whether it was."""
        if self._subscription is not None:
            return True
        try:
            self._subscription = self._store.subscribe()
        except StoreError:
            pass  # reading says what is wrong
        except Exception as error:
            _logger.debug("a mode store failed to subscribe", exc_info=error)
        return False

    def wait(self, timeout: float, closed: threading.Event) -> bool:
        """Wait for a change, at most ``timeout`` seconds; without a subscription, for the event.

        Returns:
            Whether there may have been a change.
        """
        subscription = self._subscription
        if subscription is None:
            closed.wait(timeout)
            return False
        try:
            return subscription.wait(timeout)
        except Exception as error:
            _logger.debug("a mode store's pushes ended", exc_info=error)
            self.drop()
            return False

    def drop(self) -> None:
        """End the subscription."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with suppress(Exception):
                subscription.close()
