"""The webhook where the store does not take the downgrade: this process holds itself at warn, and the sender comes again."""

from stagenorm import Mode, StoreError


class Broken:
    """A store whose writes fail, as long as the test says."""

    def __init__(self, store):
        self.store = store
        self.broken = True

    def __getattr__(self, name):
        return getattr(self.store, name)

    def replace(self, entry):
        if self.broken:
            raise StoreError("is read-only")
        self.store.replace(entry)


def test_where_the_store_does_not_take_it_this_process_holds_itself_at_warn_until_it_does(service, body):
    service.modes.store = store = Broken(service.store)
    answer = service.signed(body)
    assert answer.status_code == 503
    assert "is read-only" in answer.json()["detail"]
    assert service.results == ["not-stored"]
    assert service.state().mode is Mode.ENFORCE  # it is stored so
    assert service.modes.view.state("companies").mode is Mode.WARN
    assert service.ask("GET", "/healthz").json()["held"] is True
    service.modes.refresh()
    assert service.modes.view.state("companies").mode is Mode.WARN  # a good read of the same does not end it
    store.broken = False
    assert service.signed(body).json()["result"] == "done"  # the retry, with the same id
    assert service.ask("GET", "/healthz").json()["held"] is False
    service.unlatch()
    service.set("enforce")
    assert service.modes.view.state("companies").mode is Mode.ENFORCE


def test_a_store_that_raises_something_of_its_own_holds_at_warn_too(service, body, monkeypatch):
    def replace(_):
        raise ConnectionError("no route")

    monkeypatch.setattr(service.store, "replace", replace)
    assert service.signed(body).status_code == 503
    assert service.modes.view.state("companies").mode is Mode.WARN


def test_what_an_operator_sets_after_a_failed_downgrade_counts(service, body):
    service.set("enforce")
    service.modes.store = Broken(service.store)
    assert service.signed(body).status_code == 503
    service.now += 1
    service.set("enforce", 10)
    assert service.modes.view.state("companies").mode is Mode.ENFORCE


def test_a_store_that_is_gone_is_a_503_too(start, start_server, body):
    server = start_server()
    service = start(server.fresh_url())
    service.set("enforce")
    server.stop()
    assert service.signed(body).status_code == 503
    assert service.modes.view.state("companies").mode is Mode.WARN
    server.start()
    assert service.signed(body).status_code == 200


def test_a_trail_that_cannot_be_read_keeps_nobody_from_lowering(service, body, monkeypatch):
    def trail(_):
        raise StoreError("the trail is damaged")

    monkeypatch.setattr(service.store, "trail", trail)
    assert service.signed(body).json()["result"] == "done"
