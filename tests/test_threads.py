from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch
from habits import games_of, tiny_model

from chessgru import own_moves
from chessgru.batches import shares
from chessgru.own_moves import history, read
from chessgru.threads import count, in_threads, sharing


@pytest.fixture(autouse=True)
def four():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def test_results_come_in_the_order_of_the_items():
    def slow(item):
        time.sleep(0.01 * (5 - item))
        return item * item

    assert list(in_threads(slow, iter(range(6)))) == [0, 1, 4, 9, 16, 25]


def test_several_work_at_once_with_one_thread_each_and_pytorch_keeps_its_own():
    meeting = threading.Barrier(4, timeout=10)  # breaks unless four wait at once

    def meet(_item):
        meeting.wait()
        return torch.get_num_threads(), threading.current_thread()

    counts, workers = zip(*in_threads(meet, range(4)), strict=True)
    assert counts == (1, 1, 1, 1)
    assert len(set(workers)) == 4
    assert torch.get_num_threads() == 4
    found = []
    later = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert found == [4]


def test_within_a_thread_there_are_no_more_of_them():
    def here(_item):
        return threading.current_thread()

    def inner(_item):
        return {threading.current_thread(), *in_threads(here, range(3))}

    assert all(len(workers) == 1 for workers in in_threads(inner, range(2)))


def test_sharing_says_how_many_threads_work_and_leaves_pytorch_as_it_was():
    with sharing(2):
        assert (count(), torch.get_num_threads()) == (2, 1)
        workers = set(in_threads(lambda _: time.sleep(0.02) or threading.current_thread(), range(6)))
        assert len(workers) == 2
        with sharing(None):
            assert count() == 2
    assert (count(), torch.get_num_threads()) == (4, 4)
    with sharing(None):
        assert (count(), torch.get_num_threads()) == (4, 1)


def test_a_worker_keeps_to_one_thread_whatever_others_are_given():
    told, seen = threading.Event(), []

    def work(_item):
        told.wait(10)
        seen.append(torch.get_num_threads())

    found = in_threads(work, range(2))
    thread = threading.Thread(target=list, args=(found,))
    thread.start()
    time.sleep(0.1)
    torch.set_num_threads(3)  # as another pool does when it ends
    told.set()
    thread.join()
    assert seen == [1, 1]


@pytest.mark.parametrize(("items", "threads"), [(range(5), 1), (range(1), 4), ((), 4)])
def test_without_a_choice_all_is_done_here(items, threads):
    torch.set_num_threads(threads)
    assert set(in_threads(lambda _: threading.current_thread(), items)) <= {threading.current_thread()}


def test_an_error_ends_the_work():
    done = []

    def work(item):
        if item == 0:
            raise ValueError("the first")
        time.sleep(0.02)
        done.append(item)

    with pytest.raises(ValueError, match="the first"):
        list(in_threads(work, range(100)))
    assert len(done) < 50
    assert torch.get_num_threads() == 4


def test_games_are_read_the_same_by_many_threads(monkeypatch):
    monkeypatch.setattr(own_moves, "_PLIES_AT_ONCE", 60)
    model, games = tiny_model(), history(games_of("Ann", 12), {"ann"})
    many = read(model, games)
    torch.set_num_threads(1)
    one = read(model, games)
    assert (many.ply == one.ply).all()
    assert (many.token == one.token).all()
    assert np.allclose(many.probability, one.probability, atol=1e-6)


def test_shares_are_even_and_none_is_empty():
    plies = np.array([90, 10, 30, 50, 60])
    groups = shares(plies, 3)
    assert sorted(np.concatenate(groups).tolist()) == [0, 1, 2, 3, 4]
    assert [plies[group].sum() for group in groups] == [90, 70, 80]
    assert [group.tolist() for group in shares(plies[:2], 4)] == [[0], [1]]
