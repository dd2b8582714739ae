"""What is held back is handed on whole: when there is much, when it is asked for, and whoever asks."""

import threading

import pytest

from stagenorm.observe.held_back import HeldBack, Tally


def test_it_hands_on_when_there_is_much_and_when_asked():
    taken = []
    held = HeldBack(lambda values, seconds: taken.append((list(values), list(seconds))), most=3)
    for number in range(4):
        held.add(number, number / 2)
    assert taken == [([0, 1, 2], [0.0, 0.5, 1.0])]
    held.flush()
    held.flush()
    assert taken[1:] == [([3], [1.5])]


def test_threads_lose_nothing_and_count_nothing_twice():
    total, tally = [], Tally((0.5, 1.5))

    def take(values, seconds):
        total.append(sum(values))
        tally.add(seconds)

    held = HeldBack(take, most=7)

    def work():
        for number in range(20_000):
            held.add(1, number % 3)
            if number % 50 == 0:
                held.flush()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held.flush()
    assert sum(total) == 80_000
    assert tally.buckets == [4 * 6667, 4 * 6667, 4 * 6666]
    assert tally.total == 4 * (6667 + 2 * 6666)


@pytest.mark.parametrize(("seconds", "bucket"), [(0.0, 0), (1.0, 0), (1.1, 1), (2.0, 1), (9.0, 2)])
def test_a_bound_belongs_to_the_bucket_below_it(seconds, bucket):
    tally = Tally((1.0, 2.0))
    tally.add([seconds])
    assert tally.buckets.index(1) == bucket
