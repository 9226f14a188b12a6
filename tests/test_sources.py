from __future__ import annotations

import json
import logging
import time
from datetime import UTC, date, datetime
from itertools import islice, pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from site_server import ChessComSite, Fault, LichessSite, SiteGame, some_games

from chessgru.errors import SettingsError, SourceError
from chessgru.game import Game, Rejection
from chessgru.library import ImportReport, Library
from chessgru.sources import Filters, Progress, Surroundings, account_name, download, sync_key
from chessgru.sources.lichess import _records
from chessgru.sources.polite import TransientError

NOW = datetime(2024, 5, 20, tzinfo=UTC).timestamp()


class Clock:
    """Time that passes only while someone sleeps."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now
        self.slept = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


@pytest.fixture
def lichess():
    with LichessSite() as site:
        yield site


@pytest.fixture
def chesscom():
    with ChessComSite() as site:
        yield site


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def fetch(clock):
    """Prepares a download from a local server."""
    return lambda site, user="anna", **more: download(
        "lichess" if isinstance(site, LichessSite) else "chess.com",
        user,
        surroundings=Surroundings(base_url=site.url, sleep=clock.sleep, now=lambda: clock.now),
        **more,
    )


def ids(items) -> list[str]:
    return [item.round for item in items]


def take(games) -> tuple[list[Game | Rejection], SourceError]:
    """Returns what comes out of a download before it fails, and how it fails."""
    kept = []
    while True:
        try:
            kept.append(next(games))
        except SourceError as error:
            return kept, error


def at(year: int, month: int, day: int, hour: int = 12) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp() * 1000)


# Names, filters, marks


@pytest.mark.parametrize("text", ["", "  ", "a/b", "..", "anna k", "anna?x=1", "\n", "x" * 41, "--"])
@pytest.mark.parametrize("site", ["lichess", "chess.com"])
def test_a_name_that_no_account_can_have_is_refused_before_any_request(site, text):
    with pytest.raises(SourceError, match="cannot be an account"):
        download(site, text)


def test_the_profile_page_of_the_other_site_is_no_account():
    assert account_name("chess.com", "https://www.chess.com/member/Anna-K") == "Anna-K"
    with pytest.raises(SourceError, match="cannot be an account"):
        account_name("lichess", "https://www.chess.com/member/Anna-K")


def test_filters_out_of_range():
    with pytest.raises(SettingsError, match="max is 0"):
        Filters(max=0)
    with pytest.raises(SettingsError, match="no day lies between"):
        Filters(since=date(2024, 2, 1), until=date(2024, 1, 1))


def test_sync_keys_tell_filters_apart_but_not_how_many_at_a_time():
    keys = {
        sync_key("lichess", "Anna", filters)
        for filters in (
            Filters(),
            Filters(max=3),
            Filters(opponent="Bert"),
            Filters(opponent="bert"),
            Filters(speeds=frozenset({"blitz"})),
        )
    }
    assert len(keys) == 3
    assert sync_key("lichess", "ANNA", Filters()) == "lichess:anna"


@pytest.mark.parametrize("site", ["lichess", "chess.com"])
@pytest.mark.parametrize("mark", ["", "17", "{", '"x"'])
def test_a_damaged_mark_is_refused(site, mark):
    with pytest.raises(SourceError, match="unreadable sync mark"):
        download(site, "anna", mark=mark)


# Lichess


def test_lichess_games_come_oldest_first_with_clocks_and_ids(lichess, fetch):
    lichess.accounts["anna"] = some_games("anna", 3)
    games = list(fetch(lichess))
    assert all(isinstance(game, Game) for game in games)
    assert [game.index for game in games] == [0, 1, 2]
    assert {game.source for game in games} == {"lichess:anna"}
    assert games[0].clocks == (300.0, 298.0, 295.0, None)
    assert [game.site_id for game in games] == [
        f"lichess:{game.number}" for game in lichess.accounts["anna"]
    ]
    assert lichess.paths() == ["/api/user/anna", "/api/games/user/anna"]
    assert "ongoing" not in lichess.requests[1].query


def test_lichess_games_come_out_while_the_answer_still_runs(lichess):
    lichess.accounts["anna"] = some_games("anna", 200)
    lichess.games_per_second = 20
    with download("lichess", "anna", surroundings=Surroundings(base_url=lichess.url)) as games:
        first = next(games)
        assert isinstance(first, Game)
        assert lichess.games_sent < 10


def test_closing_ends_the_connection_at_once(lichess):
    lichess.accounts["anna"] = some_games("anna", 1000)
    lichess.games_per_second = 200
    games = download("lichess", "anna", surroundings=Surroundings(base_url=lichess.url))
    assert len(list(islice(games, 3))) == 3
    games.close()
    games.close()
    assert lichess.client_left.wait(3)
    assert lichess.games_sent < 500
    assert games.mark is None
    assert list(games) == []


def test_a_client_of_the_caller_stays_open(lichess):
    lichess.accounts["anna"] = some_games("anna", 2)
    with httpx.Client() as client:
        around = Surroundings(client=client, base_url=lichess.url)
        assert len(list(download("lichess", "anna", surroundings=around))) == 2
        assert not client.is_closed
        assert len(list(download("lichess", "anna", surroundings=around))) == 2


def test_the_second_lichess_download_brings_only_what_is_new(lichess, fetch):
    lichess.accounts["anna"] = some_games("anna", 5)
    first = fetch(lichess)
    assert len(list(first)) == 5
    again = fetch(lichess, mark=first.mark)
    assert list(again) == []
    assert again.mark == first.mark
    lichess.accounts["anna"] = some_games("anna", 7)
    assert ids(fetch(lichess, mark=again.mark)) == ["anna0005", "anna0006"]


def test_an_empty_account_is_complete(lichess, chesscom, fetch):
    for site in (lichess, chesscom):
        site.accounts["anna"] = []
        games = fetch(site)
        assert list(games) == []
        assert games.mark is not None
        site.accounts["anna"] = some_games("anna", 1, start_ms=at(2024, 5, 19))
        assert len(list(fetch(site, mark=games.mark))) == 1


@pytest.mark.parametrize("user", ["nobody", "żółw", "Магнус"])
def test_an_unknown_account_is_named_with_its_site(lichess, chesscom, fetch, user):
    for site, name in ((lichess, "lichess"), (chesscom, "chess.com")):
        with pytest.raises(SourceError, match=f"^{name}: no account named '{user}'"):
            list(fetch(site, user))
        assert user.lower() in site.paths()[0].lower()


def test_unicode_names_in_games_arrive_whole(lichess, chesscom, fetch):
    odd = "Łódź\u2028Ж"
    for site in (lichess, chesscom):
        site.accounts["anna"] = some_games("anna", 2, white="anna", black="Łódź Ж")
        assert {game.black for game in fetch(site)} == {"Łódź Ж"}
    lichess.accounts["anna"] = some_games("anna", 2, white="anna", black=odd)
    assert len(list(fetch(lichess))) == 2


def varied() -> list[SiteGame]:
    """One game a day from 1 May 2024, each different from the others."""
    common = {"white": "anna", "black": "bert"}
    return [
        SiteGame(id="blitz", created_ms=at(2024, 5, 1), **common),
        SiteGame(id="casual", created_ms=at(2024, 5, 2), rated=False, **common),
        SiteGame(id="rapid", created_ms=at(2024, 5, 3), time_control="600+0", perf="rapid", **common),
        SiteGame(id="bullet", created_ms=at(2024, 5, 4), time_control="15+0", perf="ultraBullet", **common),
        SiteGame(id="black", created_ms=at(2024, 5, 5), white="Bert", black="Anna"),
        SiteGame(id="carl", created_ms=at(2024, 5, 6), white="anna", black="carl"),
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), "blitz casual rapid bullet black carl"),
        (Filters(rated_only=True), "blitz rapid bullet black carl"),
        (Filters(speeds=frozenset({"rapid", "bullet"})), "rapid bullet"),
        (Filters(color="black"), "black"),
        (Filters(color="white", opponent="BERT"), "blitz casual rapid bullet"),
        (Filters(opponent="Carl"), "carl"),
        (Filters(since=date(2024, 5, 3), until=date(2024, 5, 4)), "rapid bullet"),
        (Filters(since=date(2024, 5, 6)), "carl"),
        (Filters(until=date(2024, 4, 30)), ""),
        (Filters(max=2), "carl black"),
        (Filters(max=2, color="white"), "carl bullet"),
    ],
)
def test_filters_mean_the_same_on_both_sites(lichess, chesscom, fetch, filters, expected):
    for site in (lichess, chesscom):
        site.accounts["anna"] = varied()
        assert ids(fetch(site, filters=filters)) == expected.split()


def test_days_begin_and_end_at_midnight_utc(lichess, chesscom, fetch):
    filters = Filters(since=date(2024, 5, 2), until=date(2024, 5, 2))
    midnight = at(2024, 5, 2, hour=0)
    times = [midnight - 1000, midnight, midnight + 86_399_000, midnight + 86_400_000]
    games = [
        SiteGame(id=f"game{i}", white="anna", black="bert", created_ms=t, minutes=0)
        for i, t in enumerate(times)
    ]
    for site in (lichess, chesscom):
        site.accounts["anna"] = games
        assert ids(fetch(site, filters=filters)) == ["game1", "game2"]


def test_variants_and_empty_games_come_out_as_rejections_with_their_address(lichess, chesscom, fetch):
    start = {"start_ms": at(2024, 5, 1)}
    odd = [
        *some_games("anna", 1, variant="Atomic", **start),
        *some_games("bert", 1, moves="", white="anna", black="bert", **start),
    ]
    for site in (lichess, chesscom):
        site.accounts["anna"] = odd
        items = list(fetch(site))
        assert all(isinstance(item, Rejection) for item in items)
        assert [item.reason for item in items] == ["variant", "no moves"]
        assert [item.index for item in items] == [0, 1]
        assert all(item.detail.endswith(f"/{game.number}") for item, game in zip(items, odd, strict=True))


@pytest.mark.parametrize(("retry_after", "pause"), [(None, 60), ("7", 7), ("0", 1)])
def test_a_rate_limit_is_waited_out(lichess, chesscom, fetch, clock, retry_after, pause):
    for site, path in ((lichess, "/api/games"), (chesscom, "/pub/player/anna/games/2023")):
        clock.slept = 0
        site.accounts["anna"] = some_games("anna", 3)
        site.faults.append(Fault(path, status=429, retry_after=retry_after))
        assert len(list(fetch(site))) == 3
        assert clock.slept == pause


def test_a_rate_limit_may_name_a_date(lichess, fetch, clock):
    lichess.accounts["anna"] = some_games("anna", 3)
    lichess.faults.append(Fault("/api", status=429, retry_after="Mon, 20 May 2024 00:01:30 GMT"))
    assert len(list(fetch(lichess))) == 3
    assert clock.slept == 90


def test_a_rate_limit_without_end_gives_up(lichess, chesscom, fetch, clock):
    for site in (lichess, chesscom):
        clock.slept = 0
        site.accounts["anna"] = some_games("anna", 3)
        site.faults.append(Fault("/", status=429, times=99))
        games = fetch(site)
        with pytest.raises(SourceError, match=r"gave up after 5 tries: too many requests \(429\)"):
            list(games)
        assert games.mark is None
        assert len(site.requests) == 5
        assert clock.slept == 240


def test_a_pause_of_hours_is_not_waited_out(lichess, fetch, clock):
    lichess.accounts["anna"] = some_games("anna", 3)
    lichess.faults.append(Fault("/api", status=429, retry_after="7200"))
    with pytest.raises(SourceError, match="asks to wait 120 min"):
        list(fetch(lichess))
    assert clock.slept == 0


@pytest.mark.parametrize("status", [500, 502, 503])
def test_trouble_at_the_site_passes_or_ends_the_download(lichess, chesscom, fetch, status):
    for site in (lichess, chesscom):
        site.accounts["anna"] = some_games("anna", 3)
        site.faults.append(Fault("/", status=status, times=2))
        assert len(list(fetch(site))) == 3
        site.faults.append(Fault("/", status=status, times=99))
        with pytest.raises(SourceError, match=rf"trouble at the site \({status}\)"):
            list(fetch(site))


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("cuts", [[0], [2], [1, 3, 1]])
def test_a_cut_lichess_stream_goes_on_after_the_last_game(lichess, fetch, cuts, newest_first):
    lichess.accounts["anna"] = some_games("anna", 9)
    lichess.faults += [Fault("/api/games", cut_after=whole) for whole in cuts]
    games = fetch(lichess, filters=Filters(max=8) if newest_first else None)
    expected = [f"anna{number:04}" for number in range(9)]
    assert ids(games) == (expected[:0:-1] if newest_first else expected)
    assert (games.mark is None) == newest_first
    sent_twice = lichess.games_sent - len(expected)
    assert sent_twice <= len(cuts)
    assert lichess.busiest == 1


def test_games_that_began_in_the_same_millisecond_survive_a_cut(lichess, fetch):
    lichess.accounts["anna"] = some_games("anna", 6, step_ms=0)
    lichess.faults.append(Fault("/api/games", cut_after=3))
    assert sorted(ids(fetch(lichess))) == [f"anna{number:04}" for number in range(6)]


def test_what_arrived_before_a_failure_is_kept_and_can_be_continued(lichess, fetch):
    lichess.accounts["anna"] = some_games("anna", 6)
    lichess.faults += [Fault("/api/games", cut_after=4), Fault("/api/games", status=503, times=9)]
    games = fetch(lichess)
    kept, error = take(games)
    assert ids(kept) == [f"anna{number:04}" for number in range(4)]
    assert "gave up after 5 tries" in str(error)
    assert "what arrived is kept" in str(error)
    assert games.mark is None
    lichess.faults.clear()
    assert ids(fetch(lichess, mark=games.resume_mark)) == ["anna0004", "anna0005"]
    assert len(list(fetch(lichess))) == 6


def test_a_stream_that_is_always_cut_at_the_same_game_gives_up(lichess, fetch):
    lichess.accounts["anna"] = some_games("anna", 6)
    lichess.faults += [Fault("/api/games", cut_after=3), Fault("/api/games", cut_after=1, times=99)]
    kept, error = take(fetch(lichess))
    assert ids(kept) == ["anna0000", "anna0001", "anna0002"]
    assert "gave up after 5 tries" in str(error)


def test_games_left_behind_by_a_maximum_come_later(lichess, chesscom, fetch):
    for site in (lichess, chesscom):
        site.accounts["anna"] = some_games("anna", 6)
        some = fetch(site, filters=Filters(max=2))
        assert ids(some) == ["anna0005", "anna0004"]
        assert some.mark is None
        others = fetch(site, mark=some.resume_mark)
        assert len(list(others)) == 6
        assert list(fetch(site, mark=others.mark, filters=Filters(max=2))) == []
        enough = fetch(site, filters=Filters(max=7))
        assert len(list(enough)) == 6
        assert enough.mark == others.mark


def test_a_stalled_answer_is_cut_and_tried_again(lichess, clock, monkeypatch):
    monkeypatch.setattr("chessgru.sources.polite.TIMEOUT", httpx.Timeout(0.2))
    lichess.accounts["anna"] = some_games("anna", 2)
    lichess.faults.append(Fault("/api/games", stall=0.6))
    around = Surroundings(base_url=lichess.url, sleep=clock.sleep, now=lambda: clock.now)
    assert len(list(download("lichess", "anna", surroundings=around))) == 2
    time.sleep(0.5)


@pytest.mark.parametrize("path", ["/api/user", "/api/games", "/pub/player/anna/games/archives", "/pub"])
def test_an_html_page_with_status_200_is_no_games(lichess, chesscom, fetch, path):
    site = lichess if path.startswith("/api") else chesscom
    site.accounts["anna"] = some_games("anna", 2)
    site.faults.append(Fault(path, html=True))
    games = fetch(site)
    with pytest.raises(SourceError, match="sent 'text/html' instead of"):
        list(games)
    assert games.mark is None


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{",
        b"[]\n",
        b'{"id": 3}\n',
        b'{"id": "a"}\n',
        b'{"id": "a", "createdAt": 1e300}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b'{"id"' * 9,
    ],
)
def test_a_damaged_answer_ends_in_one_line(lichess, chesscom, fetch, body):
    for site, path in ((lichess, "/api/games"), (chesscom, "/pub/player/anna/games/2023")):
        site.accounts["anna"] = some_games("anna", 2)
        site.faults.append(Fault(path, body=body, times=9))
        with pytest.raises(SourceError) as caught:
            list(fetch(site))
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 300


def test_an_endless_line_is_not_kept_in_memory(lichess, fetch, monkeypatch):
    monkeypatch.setattr("chessgru.sources.lichess.MAX_LINE", 10_000)
    lichess.accounts["anna"] = some_games("anna", 2)
    lichess.faults.append(Fault("/api/games", body=b"x" * 1_000_000))
    with pytest.raises(SourceError, match="nothing real is so long"):
        list(fetch(lichess))


def test_a_site_that_cannot_be_reached_is_told_at_once(clock):
    for site in ("lichess", "chess.com"):
        around = Surroundings(base_url="http://127.0.0.1:9", sleep=clock.sleep)
        with pytest.raises(SourceError, match=f"{site}: cannot be reached .* internet"):
            list(download(site, "anna", surroundings=around))
    assert clock.slept == 0


def test_a_game_that_was_open_at_the_last_download_is_looked_for(lichess, fetch):
    start = at(2024, 5, 10)
    hour = 3_600_000
    done = [SiteGame(id="done", white="anna", black="bert", created_ms=start)]
    late = [
        SiteGame(id="long", white="anna", black="bert", created_ms=start - 5 * hour, perf="classical"),
        SiteGame(
            id="letters", white="anna", black="bert", created_ms=start - 900 * hour, perf="correspondence"
        ),
    ]
    lichess.accounts["anna"] = done
    lichess.playing = 2
    first = fetch(lichess)
    assert ids(first) == ["done"]
    lichess.accounts["anna"] = done + late
    lichess.playing = 0
    second = fetch(lichess, mark=first.mark)
    assert sorted(ids(second)) == ["done", "letters", "long"]
    lichess.requests.clear()
    assert list(fetch(lichess, mark=second.mark)) == []
    assert len(lichess.requests) == 2


@given(
    records=st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=9), max_size=3), max_size=6),
    cuts=st.lists(st.integers(0, 400), max_size=12),
    last_line_ends=st.booleans(),
)
def test_records_do_not_depend_on_how_the_stream_is_chopped(records, cuts, last_line_ends):
    records = [record | {"id": "x", "createdAt": 1_700_000_000_000} for record in records]
    text = "\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode()
    text += b"\n" if last_line_ends else b""
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    chunks = [text[start:end] for start, end in pairwise(edges)]
    assert list(_records(chunks)) == records


@given(chunks=st.lists(st.binary(max_size=40), max_size=5))
def test_any_bytes_are_games_or_a_damaged_answer(chunks):
    try:
        records = list(_records(chunks))
    except TransientError:
        return
    assert all(record["id"] for record in records)


# Keeping what arrives


def sync(library: Library, fetch, site, **more) -> tuple[ImportReport, SourceError | None]:
    """Does what an import does: downloads what is new, stores it, and remembers how far it got."""
    key = sync_key("lichess" if isinstance(site, LichessSite) else "chess.com", "anna", Filters())
    with fetch(site, mark=library.mark(key), **more) as games:
        report = library.add(games.until_failure(), source=games.name)
    if games.resume_mark:
        library.set_mark(key, games.resume_mark)
    return report, games.failure


def test_a_library_keeps_what_arrived_and_gets_the_rest_later(lichess, chesscom, fetch, tmp_path):
    faults = (
        (lichess, [Fault("/api/games", cut_after=4), Fault("/api/games", status=503, times=5)], 4),
        (chesscom, [Fault("/pub/player/anna/games/2023/12", status=503, times=5)], 6),
    )
    for site, troubles, kept in faults:
        site.accounts["anna"] = some_games("anna", 10, start_ms=at(2023, 11, 20), step_ms=172_800_000)
        site.faults += troubles
        with Library(tmp_path / f"{type(site).__name__}.sqlite") as library:
            report, failure = sync(library, fetch, site)
            assert report.accepted == kept
            assert "trouble at the site (503)" in str(failure)
            report, failure = sync(library, fetch, site)
            assert (report.accepted, report.duplicates, failure) == (10 - kept, 0, None)
            report, failure = sync(library, fetch, site)
            assert (report.read, failure) == (0, None)
            assert library.count() == 10


def test_cancelling_keeps_what_arrived(lichess, fetch, tmp_path):
    lichess.accounts["anna"] = some_games("anna", 10)
    with Library(tmp_path / "library.sqlite") as library:
        games = fetch(lichess, progress=lambda report: report.games < 1 or games.cancel())
        assert library.add(games.until_failure(), source=games.name).accepted == 1
        assert games.mark is None
        assert games.failure is None
        assert len(list(fetch(lichess, mark=games.resume_mark))) == 9


def test_a_pause_can_be_cancelled(lichess, fetch, clock):
    lichess.accounts["anna"] = some_games("anna", 3)
    lichess.faults.append(Fault("/api/games", status=429))
    games = fetch(lichess, progress=lambda report: report.waiting < 58 and games.cancel())
    assert list(games) == []
    assert clock.slept == 4
    assert games.mark is None


# The token


def test_the_token_goes_to_lichess_and_nowhere_else(lichess, chesscom, fetch, caplog):
    caplog.set_level(logging.DEBUG)
    seen: list[Progress] = []
    for site in (lichess, chesscom):
        site.accounts["anna"] = some_games("anna", 2)
        games = fetch(site, token="lip_good", progress=seen.append)
        assert len(list(games)) == 2
        assert "lip_good" not in f"{games.mark} {vars(games)} {seen}"
    assert {request.headers.get("authorization") for request in lichess.requests} == {"Bearer lip_good"}
    assert {request.headers.get("authorization") for request in chesscom.requests} == {None}
    assert "lip_good" not in caplog.text


def test_the_token_does_not_follow_a_redirect_to_another_place(lichess, chesscom, fetch):
    lichess.accounts["anna"] = some_games("anna", 2)
    chesscom.accounts["anna"] = []
    lichess.faults.append(Fault("/api/user", redirect=f"{chesscom.url}/pub/player/anna/games/archives"))
    list(fetch(lichess, token="lip_good"))
    assert "authorization" not in chesscom.requests[0].headers


@pytest.mark.parametrize("token", ["lip_secret", "lip\nsecret", "lip_sécret"])
def test_a_refused_token_is_not_quoted(lichess, fetch, token):
    lichess.accounts["anna"] = some_games("anna", 2)
    with pytest.raises(SourceError, match="LICHESS_TOKEN") as caught:
        list(fetch(lichess, token=token))
    assert token not in repr(caught.value)
    assert token not in repr(caught.value.__context__)


# chess.com


def spread(*months: tuple[int, int], user: str = "anna") -> list[SiteGame]:
    """One game on the 10th of each month, as (year, month)."""
    return [
        SiteGame(id=f"{year}{month:02}", white=user, black="bert", created_ms=at(year, month, 10))
        for year, month in months
    ]


def fetched(site: ChessComSite) -> list[str]:
    return ["/".join(path.split("/")[5:7]) for path in site.paths() if not path.endswith("archives")]


def test_chesscom_months_come_oldest_first(chesscom, fetch):
    chesscom.accounts["anna"] = spread((2023, 12), (2024, 2), (2024, 5))
    assert ids(fetch(chesscom, "Anna")) == ["202312", "202402", "202405"]
    assert fetched(chesscom) == ["2023/12", "2024/02", "2024/05"]
    assert chesscom.busiest == 1


@pytest.mark.parametrize("validator", ["etag", "last-modified"])
def test_closed_months_are_never_fetched_again(chesscom, fetch, clock, validator):
    chesscom.validator = validator
    chesscom.accounts["anna"] = spread((2023, 12), (2024, 4), (2024, 5))
    first = fetch(chesscom)
    assert len(list(first)) == 3
    chesscom.requests.clear()
    second = fetch(chesscom, mark=first.mark)
    assert list(second) == []
    assert fetched(chesscom) == ["2024/05"]
    chesscom.accounts["anna"] += some_games("anna", 1, start_ms=at(2024, 5, 19))
    third = fetch(chesscom, mark=second.mark)
    assert ids(third) == ["202405", "anna0000"]
    chesscom.accounts["anna"] += spread((2024, 6))
    clock.now = datetime(2024, 6, 15, tzinfo=UTC).timestamp()
    chesscom.requests.clear()
    assert ids(fetch(chesscom, mark=third.mark)) == ["202406"]
    assert fetched(chesscom) == ["2024/05", "2024/06"]


def test_the_month_before_is_open_on_the_first_of_a_month(chesscom, fetch, clock):
    clock.now = datetime(2024, 5, 1, 9, tzinfo=UTC).timestamp()
    chesscom.accounts["anna"] = spread((2024, 3), (2024, 4))
    first = fetch(chesscom)
    assert len(list(first)) == 2
    chesscom.accounts["anna"] += some_games("anna", 1, start_ms=at(2024, 4, 30))
    assert ids(fetch(chesscom, mark=first.mark)) == ["202404", "anna0000"]


def test_a_cut_month_is_fetched_again_alone(chesscom, fetch):
    chesscom.accounts["anna"] = spread((2024, 1), (2024, 2), (2024, 3))
    chesscom.faults.append(Fault("/pub/player/anna/games/2024/02", cut_after=0, times=2))
    assert ids(fetch(chesscom)) == ["202401", "202402", "202403"]
    assert fetched(chesscom) == ["2024/01", *["2024/02"] * 3, "2024/03"]


def test_a_month_that_stays_broken_leaves_the_mark_where_it_was(chesscom, fetch):
    chesscom.accounts["anna"] = spread((2024, 1), (2024, 2), (2024, 3))
    chesscom.faults.append(Fault("/pub/player/anna/games/2024/02", cut_after=0, times=99))
    games = fetch(chesscom)
    kept, error = take(games)
    assert "the connection broke" in str(error)
    assert ids(kept) == ["202401"]
    assert games.mark is None
    chesscom.faults.clear()
    assert ids(fetch(chesscom, mark=games.resume_mark)) == ["202402", "202403"]


def test_only_the_months_of_the_asked_days_are_fetched(chesscom, fetch):
    chesscom.accounts["anna"] = spread(*[(2023, month) for month in range(1, 13)])
    filters = Filters(since=date(2023, 4, 5), until=date(2023, 5, 20))
    assert ids(fetch(chesscom, filters=filters)) == ["202304", "202305"]
    assert fetched(chesscom) == ["2023/04", "2023/05"]


def test_the_newest_games_need_only_the_newest_months(chesscom, fetch):
    chesscom.accounts["anna"] = spread(*[(2023, month) for month in range(1, 13)])
    assert ids(fetch(chesscom, filters=Filters(max=2))) == ["202312", "202311"]
    assert fetched(chesscom) == ["2023/12", "2023/11"]


def test_daily_games_are_correspondence(chesscom, fetch):
    daily = SiteGame(
        id="9", white="anna", black="bert", created_ms=at(2024, 4, 1), time_control="1/86400", perf="daily"
    )
    chesscom.accounts["anna"] = [daily, *spread((2024, 4))]
    games = list(fetch(chesscom, filters=Filters(speeds=frozenset({"correspondence"}))))
    assert ids(games) == ["9"]
    assert games[0].site_id == f"chess.com:daily/{daily.number}"


def test_chesscom_is_told_who_asks(chesscom, fetch):
    chesscom.accounts["anna"] = []
    list(fetch(chesscom))
    list(fetch(chesscom, contact="anna@example.org"))
    list(fetch(chesscom, contact="żółw\r\nX: y"))
    agents = [request.headers["user-agent"] for request in chesscom.requests]
    assert all(agent.startswith("chessgru/") for agent in agents)
    assert ["anna@example.org" in agent for agent in agents] == [False, True, False]


def test_chesscom_refusal_and_closed_account(chesscom, fetch):
    chesscom.accounts["anna"] = []
    chesscom.faults.append(Fault("/pub", status=403))
    with pytest.raises(SourceError, match="CHESSGRU_CONTACT"):
        list(fetch(chesscom))
    chesscom.gone = ("anna",)
    with pytest.raises(SourceError, match="no account named 'anna'"):
        list(fetch(chesscom))


def test_addresses_in_the_list_of_months_are_not_followed_blindly(chesscom, fetch):
    chesscom.accounts["anna"] = spread((2024, 1))
    addresses = ["https://elsewhere.example/games/2024/01", "https://elsewhere.example/x", 7, None]
    chesscom.faults.append(Fault("/pub/player/anna/games/archives"))
    chesscom._months = lambda name: addresses
    assert ids(fetch(chesscom)) == ["202401"]


def test_records_of_the_wrong_shape_do_no_harm(chesscom, fetch):
    chesscom.accounts["anna"] = spread((2024, 1))
    records = [7, None, {}, {"pgn": 3, "end_time": "x", "white": []}, {"end_time": 10**30, "url": []}]
    chesscom.faults.append(
        Fault("/pub/player/anna/games/2024/01", body=json.dumps({"games": records}).encode())
    )
    items = list(fetch(chesscom, filters=Filters(since=date(2023, 12, 1))))
    assert all(isinstance(item, Rejection) for item in items)


@pytest.mark.parametrize("pgn", ["<html></html>", "\0\1\2", "nothing here", "", "[Event"])
def test_one_game_that_is_no_pgn_does_not_spoil_the_others(lichess, chesscom, fetch, monkeypatch, pgn):
    for site in (lichess, chesscom):
        site.accounts["anna"] = some_games("anna", 3)
        right = site.pgn
        monkeypatch.setattr(
            site, "pgn", lambda game, right=right: pgn if game.id == "anna0001" else right(game)
        )
        items = list(fetch(site))
        assert [type(item) for item in items] == [Game, Rejection, Game]
        assert items[1].reason in ("not PGN", "no moves")
        assert items[1].source == items[0].source


def test_a_game_whose_tags_do_not_tell_its_id_gets_it_from_its_address(
    lichess, chesscom, fetch, monkeypatch
):
    for site in (lichess, chesscom):
        site.accounts["anna"] = some_games("anna", 1)
        monkeypatch.setattr(site, "pgn", SiteGame.pgn)
        assert [game.site_id.partition(":")[2] for game in fetch(site)] == [site.accounts["anna"][0].number]


# Progress


NOBODY = Filters(opponent="nobody")


def follow(clock: Clock, seconds_a_game: float, games, seen: list[Progress]) -> list[Progress]:
    """Goes through a download, each game taking some time; returns the reports."""
    for _ in games:
        clock.now += seconds_a_game
    return seen


@pytest.mark.parametrize("narrow", [{}, {"max": 40}, {"rated_only": True}])
def test_lichess_progress_knows_the_number_of_games_and_the_time_left(lichess, fetch, clock, narrow):
    lichess.accounts["anna"] = some_games("anna", 60) + some_games(
        "bert", 20, rated=False, start_ms=10**12 * 2
    )
    total = 40 if "max" in narrow else 60 if narrow else 80
    seen: list[Progress] = []
    games = fetch(lichess, progress=seen.append, filters=Filters(**narrow))
    reports = follow(clock, 0.5, games, seen)
    assert [report.games for report in reports] == [*range(1, total + 1), total]
    assert {report.expected for report in reports} == {total}
    middle = reports[total // 2]
    assert middle.fraction == pytest.approx(0.5, abs=0.05)
    assert middle.seconds_left == pytest.approx(total / 4, rel=0.1)
    assert middle.rate == pytest.approx(2.0, rel=0.1)
    assert reports[-1].done
    assert (reports[-1].fraction, reports[-1].seconds_left) == (1.0, 0.0)


def test_progress_never_passes_the_whole(lichess, fetch, clock, monkeypatch):
    lichess.accounts["anna"] = some_games("anna", 30)
    monkeypatch.setattr(lichess, "_user", lambda name: {"count": {"all": 20, "rated": 20}})
    seen: list[Progress] = []
    reports = follow(clock, 0.5, fetch(lichess, progress=seen.append), seen)
    assert all(report.fraction <= 1 and report.games <= report.expected for report in reports)
    assert all(report.seconds_left is None or report.seconds_left >= 0 for report in reports)


def test_too_large_a_count_still_ends_at_the_whole(lichess, fetch, clock, monkeypatch):
    lichess.accounts["anna"] = some_games("anna", 30)
    monkeypatch.setattr(lichess, "_user", lambda name: {"count": {"all": 50, "rated": 50}})
    seen: list[Progress] = []
    reports = follow(clock, 0.5, fetch(lichess, progress=seen.append), seen)
    assert (reports[-1].fraction, reports[-1].expected) == (1.0, 30)


def test_without_a_known_number_there_is_no_time_left(lichess, fetch, clock):
    lichess.accounts["anna"] = some_games("anna", 30)
    seen: list[Progress] = []
    games = fetch(lichess, progress=seen.append, filters=Filters(opponent="bert"))
    reports = follow(clock, 0.5, games, seen)
    assert {report.seconds_left for report in reports[:-1]} == {None}
    assert reports[-2].fraction is None


def test_chesscom_progress_goes_by_months(chesscom, fetch, clock):
    chesscom.accounts["anna"] = spread(*[(2023, month) for month in range(1, 11)])
    seen: list[Progress] = []
    reports = follow(clock, 1.0, fetch(chesscom, progress=seen.append), seen)
    assert sorted({report.fraction for report in reports}) == pytest.approx([n / 10 for n in range(1, 11)])
    assert [report.games for report in reports] == sorted(report.games for report in reports)
    assert (reports[6].fraction, reports[6].seconds_left) == (0.6, pytest.approx(4.0))


def test_progress_goes_on_through_months_without_a_wanted_game(chesscom, fetch, clock):
    chesscom.accounts["anna"] = spread(*[(2023, month) for month in range(1, 11)])
    seen: list[Progress] = []
    games = fetch(chesscom, progress=lambda report: (seen.append(report), clock.sleep(1)), filters=NOBODY)
    assert list(games) == []
    assert [report.fraction for report in seen] == pytest.approx([*(n / 10 for n in range(1, 11)), 1.0])
    assert seen[4].seconds_left == pytest.approx(4, rel=0.3)


def test_a_pause_is_counted_down_and_can_be_left(lichess, fetch):
    lichess.accounts["anna"] = some_games("anna", 3)
    lichess.faults.append(Fault("/api", status=429))
    seen: list[Progress] = []
    list(fetch(lichess, progress=seen.append))
    waits = [report.waiting for report in seen if report.waiting]
    assert waits == [float(left) for left in range(60, 0, -1)]
    assert "429" in seen[0].why

    def cancel(report: Progress) -> None:
        if report.waiting < 55:
            raise KeyboardInterrupt

    lichess.faults.append(Fault("/api", status=429))
    games = fetch(lichess, progress=cancel)
    with pytest.raises(KeyboardInterrupt):
        list(games)
    assert games.mark is None


def test_a_listener_is_not_called_for_each_of_many_games(chesscom, fetch):
    chesscom.accounts["anna"] = some_games("anna", 500, step_ms=60_000)
    seen: list[Progress] = []
    assert len(list(fetch(chesscom, progress=seen.append))) == 500
    assert len(seen) == 2
