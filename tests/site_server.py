"""Local servers that answer as Lichess and chess.com do, troubles included.

with LichessSite() as site:
    site.accounts["anna"] = some_games("anna", 3)
    site.faults.append(Fault("/api/games", cut_after=2))
    ... site.url ... site.requests ...
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

HTML = b"<!DOCTYPE html><html><body><h1>Down for maintenance</h1></body></html>"
MOVES = "1. e4 { [%clk 0:05:00] } 1... e5 { [%clk 0:04:58] } 2. Nf3 { [%clk 0:04:55] } 2... Nc6 "


@dataclass(frozen=True, kw_only=True)
class SiteGame:
    id: str
    """A name for the tests; it comes out as the round."""
    white: str
    black: str
    created_ms: int
    """Start, in ms from 1970."""
    time_control: str = "300+0"
    perf: str = "blitz"
    """The speed as the site names it: "rapid", "ultraBullet", "daily" …"""
    rated: bool = True
    variant: str = "Standard"
    moves: str = MOVES
    minutes: int = 5
    """How long it took: chess.com files games by their end."""

    @property
    def number(self) -> str:
        """The id as the sites write it: eight digits are fine on both."""
        return f"{zlib.crc32(self.id.encode()) % 10**8:08}"

    @property
    def ended_ms(self) -> int:
        return self.created_ms + 60_000 * self.minutes

    @property
    def month(self) -> str:
        return f"{datetime.fromtimestamp(self.ended_ms / 1000, UTC):%Y/%m}"

    def tags(self) -> dict[str, str]:
        start = datetime.fromtimestamp(self.created_ms / 1000, UTC)
        tags = {
            "Event": "Live game",
            "Round": self.id,
            "White": self.white,
            "Black": self.black,
            "Result": "1-0",
            "UTCDate": f"{start:%Y.%m.%d}",
            "UTCTime": f"{start:%H:%M:%S}",
            "TimeControl": self.time_control,
        }
        return tags if self.variant == "Standard" else tags | {"Variant": self.variant}

    def pgn(self, **more: str) -> str:
        lines = [f'[{name} "{value}"]' for name, value in (self.tags() | more).items()]
        return "\n".join(lines) + f"\n\n{self.moves}1-0\n"


def some_games(
    user: str, count: int, *, start_ms: int = 1_700_000_000_123, step_ms: int = 3_600_000, **more
):
    """Returns games of `user` against bert, colors in turn, an hour apart."""
    return [
        SiteGame(
            id=f"{user[:4]}{number:04}",
            created_ms=start_ms + number * step_ms,
            **({"white": user, "black": "bert"} if number % 2 == 0 else {"white": "bert", "black": user})
            | more,
        )
        for number in range(count)
    ]


@dataclass
class Fault:
    """What goes wrong at the next request whose path begins so; once, unless `times` says otherwise."""

    path: str
    status: int = 200
    retry_after: str | None = None
    html: bool = False
    cut_after: int | None = None
    """Breaks the connection in the middle of the game after so many whole ones."""
    stall: float = 0.0
    """Seconds before the answer."""
    body: bytes | None = None
    """Sent in the place of the right answer, with the right type."""
    redirect: str | None = None
    times: int = 1


@dataclass
class Request:
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Site:
    """A server on a port of its own; a context manager."""

    accounts: dict[str, list[SiteGame]] = field(default_factory=dict)
    """By name in lower case."""
    faults: list[Fault] = field(default_factory=list)
    games_per_second: float | None = None
    requests: list[Request] = field(default_factory=list)
    busiest: int = 0
    """The most requests that were open at the same time."""
    games_sent: int = 0
    client_left: threading.Event = field(default_factory=threading.Event)
    """Set when a client closed the connection during an answer."""
    errors: list[BaseException] = field(default_factory=list)

    def __enter__(self):
        site = self

        class Handler(SiteHandler):
            def do_GET(self):
                site.handle(self)

        self._open = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        assert self.errors == []

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def handle(self, handler: SiteHandler) -> None:
        with self._lock:
            self._open += 1
            self.busiest = max(self.busiest, self._open)
        try:
            self._handle(handler)
        except (BrokenPipeError, ConnectionResetError):
            handler.close_connection = True
            self.client_left.set()
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            with self._lock:
                self._open -= 1

    def _handle(self, handler: SiteHandler) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        request = Request(
            unquote(parts.path), query, {name.lower(): value for name, value in handler.headers.items()}
        )
        self.requests.append(request)
        fault = self._fault(parts.path)
        time.sleep(fault.stall)
        if fault.status != 200:
            more = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            handler.send(fault.status, b"{}", **more)
        elif fault.redirect:
            handler.send(302, b"", Location=fault.redirect)
        elif fault.html:
            handler.send(200, HTML, kind="text/html; charset=utf-8")
        else:
            self.answer(handler, request, fault)

    def _fault(self, path: str) -> Fault:
        for fault in self.faults:
            if path.startswith(fault.path) and fault.times > 0:
                fault.times -= 1
                return fault
        return Fault(path)

    def answer(self, handler: SiteHandler, request: Request, fault: Fault) -> None:
        raise NotImplementedError


class SiteHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 0
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def send(self, status: int, body: bytes, *, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        if status != 304:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(b"" if status == 304 else body)

    def send_json(self, value: object, **headers: str) -> None:
        self.send(200, json.dumps(value).encode(), kind="application/json; charset=utf-8", **headers)

    def start_stream(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send_chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def break_off(self) -> None:
        self.close_connection = True


class LichessSite(Site):
    """GET /api/user/{name} and /api/games/user/{name}, with the filters that the real one has."""

    playing = 0
    tokens = ("lip_good",)

    def answer(self, handler, request, fault):
        authorization = request.headers.get("authorization")
        if authorization and authorization.removeprefix("Bearer ") not in self.tokens:
            return handler.send(401, b'{"error":"No such token"}')
        name = request.path.rsplit("/", 1)[-1].lower()
        if name not in self.accounts:
            return handler.send(404, b'{"error":"Not found"}')
        if request.path.startswith("/api/user/"):
            return handler.send_json(self._user(name))
        games = self._selected(name, request.query)
        if fault.body is not None:
            return handler.send(200, fault.body, kind="application/x-ndjson")
        return self._stream(handler, request, games, fault)

    def _user(self, name):
        games = self.accounts[name]
        rated = sum(game.rated for game in games)
        return {"id": name, "count": {"all": len(games), "rated": rated, "playing": self.playing}}

    def _selected(self, name: str, query: dict[str, str]) -> list[SiteGame]:
        """Returns what the query asks for; newest first is the site's default."""
        since, until = int(query.get("since", 0)), int(query.get("until", 10**15))
        color, perfs = query.get("color"), query.get("perfType", "").split(",")
        games = [
            game
            for game in self.accounts[name]
            if since <= game.created_ms <= until
            and (query.get("rated") is None or game.rated == (query["rated"] == "true"))
            and (perfs == [""] or game.perf in perfs)
            and (color is None or getattr(game, color).lower() == name)
            and ("vs" not in query or query["vs"].lower() in (game.white.lower(), game.black.lower()))
        ]
        games.sort(key=lambda game: game.created_ms, reverse=query.get("sort") != "dateAsc")
        return games[: int(query.get("max", len(games)))]

    def _stream(self, handler, request, games: Iterable[SiteGame], fault: Fault) -> None:
        ndjson = request.headers.get("accept") == "application/x-ndjson"
        handler.start_stream("application/x-ndjson" if ndjson else "application/x-chess-pgn")
        for number, game in enumerate(games):
            data = self.record(game, request.query) if ndjson else (self.pgn(game) + "\n\n").encode()
            if number == fault.cut_after:
                handler.send_chunk(data[: len(data) // 2])
                return handler.break_off()
            handler.send_chunk(data)
            self.games_sent += 1
            if self.games_per_second:
                time.sleep(1 / self.games_per_second)
        handler.wfile.write(b"0\r\n\r\n")
        return None

    def pgn(self, game: SiteGame) -> str:
        return game.pgn(Site=f"https://lichess.org/{game.number}")

    def record(self, game: SiteGame, query: dict[str, str]) -> bytes:
        record = {
            "id": game.number,
            "rated": game.rated,
            "variant": game.variant.lower(),
            "createdAt": game.created_ms,
        }
        if query.get("pgnInJson") == "true":
            record["pgn"] = self.pgn(game)
        return json.dumps(record, ensure_ascii=False).encode() + b"\n"


class ChessComSite(Site):
    """GET /pub/player/{name}/games/archives, …/YYYY/MM and …/YYYY/MM/pgn."""

    validator = "etag"
    """Or "last-modified"."""
    gone: tuple[str, ...] = ()

    def answer(self, handler, request, fault):
        if (
            "@" not in request.headers.get("user-agent", "")
            and "chessgru" not in request.headers["user-agent"]
        ):
            return handler.send(403, b"Access denied", kind="text/plain")
        _, _, _, name, _, *rest = request.path.split("/")
        if name in self.gone:
            return handler.send(410, b"{}")
        if name not in self.accounts:
            return handler.send(
                404, json.dumps({"code": 0, "message": f'User "{name}" not found.'}).encode()
            )
        if rest == ["archives"]:
            return handler.send_json({"archives": self._months(name)})
        games = [game for game in self.accounts[name] if game.month == "/".join(rest[:2])]
        if fault.cut_after is not None:
            return self._cut(handler, games)
        if rest[2:] == ["pgn"]:
            return handler.send(
                200, "\n".join(map(self.pgn, games)).encode(), kind="application/x-chess-pgn"
            )
        body = (
            fault.body
            if fault.body is not None
            else json.dumps({"games": list(map(self.record, games))}).encode()
        )
        return self._send_month(handler, request, body)

    def _months(self, name: str) -> list[str]:
        months = sorted({game.month for game in self.accounts[name]})
        return [f"https://api.chess.com/pub/player/{name}/games/{month}" for month in months]

    def _send_month(self, handler, request, body: bytes) -> None:
        digest = hashlib.md5(body).hexdigest()
        if self.validator == "etag":
            asked, told = request.headers.get("if-none-match"), {"ETag": f'W/"{digest}"'}
        else:
            hours, minutes, seconds = len(body) // 3600 % 24, len(body) // 60 % 60, len(body) % 60
            stamp = f"Mon, 01 Jan 2024 {hours:02}:{minutes:02}:{seconds:02} GMT"
            asked, told = request.headers.get("if-modified-since"), {"Last_Modified": stamp}
        if asked in told.values():
            return handler.send(304, b"", **told)
        self.games_sent += body.count(b'"pgn"')
        return handler.send(200, body, **told)

    def _cut(self, handler, games: list[SiteGame]) -> None:
        body = json.dumps({"games": list(map(self.record, games))}).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])
        handler.break_off()

    def url_of(self, game: SiteGame) -> str:
        kind = "daily" if game.perf == "daily" else "live"
        return f"https://www.chess.com/game/{kind}/{game.number}"

    def pgn(self, game: SiteGame) -> str:
        return game.pgn(Site="Chess.com", Link=self.url_of(game))

    def record(self, game: SiteGame) -> dict[str, object]:
        return {
            "url": self.url_of(game),
            "pgn": self.pgn(game),
            "time_control": game.time_control,
            "end_time": game.ended_ms // 1000,
            "rated": game.rated,
            "time_class": game.perf,
            "rules": "chess" if game.variant == "Standard" else game.variant.lower(),
            "white": {"username": game.white, "rating": 1200, "result": "win"},
            "black": {"username": game.black, "rating": 1200, "result": "resigned"},
        }
