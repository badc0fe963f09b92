"""What Snowflake answers over HTTP, as far as its driver for Node asks: fakesnow's engine behind JSON rowsets.

`snowflakePeer.py PORT`. The tests steer it below /_test/. It was shaped until the driver took it: it shows how the
connector handles the protocol, not how Snowflake itself behaves.
"""

import base64
import gzip
import hashlib
import json
import re
import secrets
import socket
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import duckdb
import jwt
import pyarrow as pa
import snowflake.connector.errors as errors
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from fakesnow.dialect import parse_one
from fakesnow.instance import FakeSnow
from fakesnow.rowtype import describe_as_rowtype
from fakesnow.statement_type import statement_type_id
from sqlglot import exp

SELECT = 0x1000
UNKNOWN_SHOW = 0x4400
INLINE_ROWS = 1_000
CHUNK_ROWS = 10_000
CHUNK_BYTES = 4_000_000
RESULTS_KEPT = 5

ENGINE = FakeSnow()
USERS: dict[str, dict] = {}
SESSIONS: dict[str, dict] = {}
KILLED: set[str] = set()
QUERIES: dict[str, "Query"] = {}
CANNED: dict[str, dict] = {}
FAULTS: dict[str, int] = {}
COUNTS = {"queries": 0, "chunks": 0, "renewals": 0}
SEEN: list[dict] = []


class Refused(Exception):
    """A failure in Snowflake's words."""

    def __init__(self, code: str, message: str, state: str = "08001"):
        super().__init__(message)
        self.code, self.state = code, state


def refused(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, duckdb.InterruptException):
        return Refused("000604", "SQL execution canceled", "57014")
    if isinstance(error, errors.ProgrammingError):
        message = error.raw_msg or error.msg or ""
        if place := re.search(r"Line (\d+), Col: (\d+)", message):
            message = f"SQL compilation error:\nsyntax error line {place[1]} at position {int(place[2]) - 1} unexpected."
        return Refused(f"{error.errno:06d}", message, error.sqlstate or "42000")
    return Refused("001003", f"SQL compilation error:\n{type(error).__name__}: {error}", "42000")


class Query:
    """A statement under way or done."""

    def __init__(self, session: dict, sql: str):
        self.id = str(uuid.uuid4())
        self.session, self.sql = session, sql
        self.status, self.error, self.table = "RUNNING", None, None
        self.rowtype: list[dict] = []
        self.canned: dict | None = None
        self.cancelled = threading.Event()
        self.connection = None
        QUERIES[self.id] = self
        for old in list(QUERIES.values())[:-RESULTS_KEPT]:
            old.table = None

    def run(self) -> None:
        COUNTS["queries"] += 1
        try:
            if wait := re.search(r"SYSTEM\$WAIT\((\d+)\)", self.sql):
                if self.cancelled.wait(int(wait[1])):
                    raise Refused("000604", "SQL execution canceled", "57014")
                self.canned = {"rowtype": waited(self.sql), "rows": [["waited"]]}
            elif self.sql in CANNED:
                self.canned = CANNED[self.sql]
            else:
                self.table, self.rowtype = execute(self)
            if self.cancelled.is_set():
                raise Refused("000604", "SQL execution canceled", "57014")
            self.status = "SUCCESS"
        except Exception as error:
            self.error, self.status = refused(error), "FAILED_WITH_ERROR"

    def cancel(self) -> None:
        self.cancelled.set()
        if self.connection is not None and self.status == "RUNNING":
            self.connection._duck_conn.interrupt()

    def rows(self, start: int, count: int) -> list:
        if self.canned is not None:
            return self.canned["rows"][start : start + count]
        part = self.table.slice(start, count)
        columns = [encoded(column, info) for column, info in zip(part.columns, self.rowtype)]
        return [list(row) for row in zip(*columns)]

    def answer(self, host: str, token: str | None) -> dict:
        if self.canned is not None:
            rowtype, total = self.canned["rowtype"], len(self.canned["rows"])
            size = 1
        else:
            rowtype, total = self.rowtype, self.table.num_rows
            size = max(1, self.table.nbytes // max(1, total))
        per_chunk = max(1, min(CHUNK_ROWS, CHUNK_BYTES // size))
        inline = min(total, INLINE_ROWS, per_chunk)
        chunks = [
            {"url": f"http://{host}/chunk/{token}/{self.id}/{at}/{min(per_chunk, total - at)}",
             "rowCount": min(per_chunk, total - at), "uncompressedSize": 1, "compressedSize": 1}
            for at in range(inline, total, per_chunk)
        ] if self.canned is None else []
        filled = [{"nullable": True, "scale": None, "precision": None, **info} for info in rowtype]
        return described(self.session, SELECT, filled) | {
            "queryId": self.id, "rowset": self.rows(0, inline), "total": total,
            "returned": total if self.canned is None else self.canned.get("returned", total),
            "chunks": chunks, "chunkHeaders": {"x-test-chunk": "1"},
        }


def waited(sql: str) -> list[dict]:
    return [{"name": re.search(r" AS (\w+)", sql)[1].upper(), "type": "text"}]


def execute(query: Query):
    connection = query.connection = ENGINE.connect(query.session["database"], query.session["schema"])
    cursor = connection.cursor()
    cursor.execute(query.sql, server=True)
    return cursor._arrow_table, rowtype_of(cursor._describe_last_sql())


def rowtype_of(description: list) -> list[dict]:
    """The columns as Snowflake describes them; what DuckDB nests is a VARIANT."""
    plain = [
        (name, "JSON" if "[" in type_ or type_.startswith(("STRUCT", "MAP")) else narrowed(type_), *rest)
        for name, type_, *rest in description
    ]
    return describe_as_rowtype(plain)


def narrowed(type_: str) -> str:
    return {"FLOAT": "DOUBLE", "SMALLINT": "INTEGER", "TINYINT": "INTEGER"}.get(type_, type_)


def encoded(column, info: dict) -> list:
    """The values of a column as the JSON protocol has them: text, or null."""
    type_ = column.type
    if pa.types.is_timestamp(type_):
        zone = " 1440" if info["type"] == "timestamp_tz" else ""
        nanos = column.cast(pa.timestamp("ns", type_.tz)).cast(pa.int64()).to_pylist()
        return [None if v is None else f"{seconds(v)}{zone}" for v in nanos]
    if pa.types.is_date(type_):
        return [None if v is None else str(v) for v in column.cast(pa.int32()).to_pylist()]
    if pa.types.is_time(type_):
        return [None if v is None else seconds(v * 1_000) for v in column.cast(pa.time64("us")).cast(pa.int64()).to_pylist()]
    if pa.types.is_boolean(type_):
        return [None if v is None else str(int(v)) for v in column.to_pylist()]
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        return [None if v is None else v.hex().upper() for v in column.to_pylist()]
    if pa.types.is_floating(type_):
        return [None if v is None else repr(v).removesuffix(".0") for v in column.to_pylist()]
    if pa.types.is_nested(type_):
        return [None if v is None else json.dumps(v, default=str) for v in column.to_pylist()]
    return column.cast(pa.string()).to_pylist()


def seconds(nanos: int) -> str:
    sign, size = ("-", -nanos) if nanos < 0 else ("", nanos)
    return f"{sign}{size // 10**9}.{size % 10**9:09d}"


def described(session: dict, type_id: int, rowtype: list[dict]) -> dict:
    return {
        "parameters": [{"name": "TIMEZONE", "value": "UTC"}], "rowtype": rowtype, "rowset": [], "total": 0,
        "returned": 0, "queryId": str(uuid.uuid4()), "statementTypeId": type_id, "version": 1,
        "queryResultFormat": "json", "finalDatabaseName": session["database"], "finalSchemaName": session["schema"],
        "finalWarehouseName": session["warehouse"], "finalRoleName": session["role"],
    }


def describe(session: dict, sql: str) -> dict:
    """What a statement is and returns, without running it."""
    if re.fullmatch(r"\s*(--[^\n]*|;|\s)*\s*", sql):
        raise Refused("000900", "SQL compilation error:\nEmpty SQL statement.", "42601")
    if re.search(r";\s*\S", re.sub(r"'[^']*'", "''", sql)):
        raise Refused("000008", "Actual statement count 2 did not match the desired statement count 1.", "0A000")
    if "SYSTEM$WAIT" in sql:
        return described(session, SELECT, waited(sql))
    if sql in CANNED:
        return described(session, SELECT, CANNED[sql]["rowtype"])
    tree = parse_one(sql)
    is_query = isinstance(tree, (exp.Select, exp.SetOperation, exp.Subquery))
    if not is_query:
        type_id = UNKNOWN_SHOW if isinstance(tree, exp.Command) else statement_type_id(tree)
        return described(session, type_id, [{"name": "status", "type": "text"}])
    connection = ENGINE.connect(session["database"], session["schema"])
    cursor = connection.cursor()
    cursor.execute(f"DESCRIBE {sql}")
    return described(session, SELECT, rowtype_of(cursor.fetchall()))


def fingerprint(key) -> str:
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def sign_in(data: dict) -> None:
    name = data.get("LOGIN_NAME", "").upper()
    user = USERS.get(name, {})
    if data.get("AUTHENTICATOR") == "SNOWFLAKE_JWT":
        try:
            key = load_pem_public_key(user["publicKey"].encode())
            claims = jwt.decode(data["TOKEN"], key, algorithms=["RS256"], options={"verify_iat": False, "verify_exp": False})
            subject = f"{data['ACCOUNT_NAME'].upper()}.{name}"
            if (claims["sub"], claims["iss"]) != (subject, f"{subject}.{fingerprint(key)}"):
                raise ValueError("claims")
        except (KeyError, ValueError, jwt.PyJWTError) as error:
            raise Refused("390144", f"JWT token is invalid. [{uuid.uuid4()}]") from error
    elif user.get("password") is None or user["password"] != data.get("PASSWORD"):
        raise Refused("390100", "Incorrect username or password was specified.")
    if "refuse" in user:
        raise Refused(*user["refuse"])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.handle_request()

    def do_POST(self):
        self.handle_request()

    def do_PUT(self):
        self.handle_request()

    def handle_request(self):
        url = urlparse(self.path)
        self.query = {name: values[0] for name, values in parse_qs(url.query).items()}
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        packed = self.headers.get("content-encoding") == "gzip"
        self.body = json.loads(gzip.decompress(raw) if packed else raw) if raw else {}
        if url.path.startswith("/_test/"):
            return self.send(self.steer(url.path.removeprefix("/_test/")))
        if self.is_cut(url.path):
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return None
        if url.path.startswith("/chunk/"):
            return self.chunk(*url.path.split("/")[3:])
        if FAULTS.get("status"):
            return self.send({}, FAULTS["status"])
        try:
            code, data = self.serve(url.path)
            return self.send({"success": True, "code": code, "message": None, "data": data})
        except Exception as failure:
            error = refused(failure)
            data = {"errorCode": error.code, "sqlState": error.state}
            return self.send({"success": False, "code": error.code, "message": str(error), "data": data})

    def token(self) -> str | None:
        match = re.match(r'Snowflake Token="(.*)"', self.headers.get("authorization", ""))
        return match and match[1]

    def is_cut(self, path: str) -> bool:
        return (path.split("/")[2] if path.startswith("/chunk/") else self.token()) in KILLED

    def session(self) -> dict:
        session = SESSIONS.get(self.token() or "")
        if session is None:
            raise Refused("390111", "Session no longer exists.  New login required to access the service.")
        if session.pop("expired", False):
            raise Refused("390112", "Your session has expired. Please login again.")
        return session

    def serve(self, path: str):
        if path == "/session/v1/login-request":
            return None, self.login()
        if path == "/session/token-request":
            return None, self.renew()
        if path == "/session":
            SESSIONS.pop(self.token() or "", None)
            return None, None
        if path == "/queries/v1/query-request":
            return self.start(self.session())
        if match := re.fullmatch(r"/monitoring/queries/(.+)", path):
            self.session()
            query = QUERIES.get(match[1])
            return None, {"queries": [{"id": query.id, "status": query.status}] if query else []}
        if match := re.fullmatch(r"/queries/(.+)/result", path):
            self.session()
            query = QUERIES[match[1]]
            if query.error is not None:
                raise query.error
            return None, query.answer(self.headers["host"], self.token())
        return None, None  # Telemetry, heartbeats.

    def login(self) -> dict:
        sign_in(self.body["data"])
        named = {name: (self.query.get(key) or "").upper() or None for name, key in
                 [("database", "databaseName"), ("schema", "schemaName"), ("warehouse", "warehouse"), ("role", "roleName")]}
        if named["role"] == "NOT_GRANTED":
            raise Refused("390189", "Role 'NOT_GRANTED' specified in the connect string is not granted to this user.")
        if named["database"] == "NO_SUCH_DB":
            named["database"] = None
        token = secrets.token_urlsafe(24)
        SESSIONS[token] = {"token": token, "user": self.body["data"]["LOGIN_NAME"].upper(), "parameters": {}, **named}
        return {"token": token, "masterToken": f"master-{token}", "validityInSeconds": 3600,
                "masterValidityInSeconds": 14400, "sessionId": 1, "parameters": [], "sessionInfo": {}}

    def renew(self) -> dict:
        COUNTS["renewals"] += 1
        old = self.body["oldSessionToken"]
        token = secrets.token_urlsafe(24)
        SESSIONS[token] = SESSIONS.pop(old) | {"token": token}
        return {"sessionToken": token, "masterToken": f"master-{token}", "validityInSecondsST": 3600,
                "validityInSecondsMT": 14400, "sessionId": 1}

    def start(self, session: dict):
        sql = self.body["sqlText"]
        SEEN.append({"sql": sql, "parameters": self.body.get("parameters")})
        if cancel := re.search(r"SYSTEM\$CANCEL_QUERY\('(.+?)'\)", sql):
            QUERIES[cancel[1]].cancel()
            sql = "SELECT 'query terminated.' AS done"
        settings = re.match(r"ALTER SESSION SET (.*)", sql, re.DOTALL)
        if settings and not self.body.get("describeOnly"):
            session["parameters"] |= dict(re.findall(r"(\w+) = (\S+)", settings[1]))
            return None, described(session, 0x4100, [{"name": "status", "type": "text"}])
        about = describe(session, sql)
        if self.body.get("describeOnly"):
            return None, about
        query = Query(session, sql)
        if self.body.get("asyncExec"):
            threading.Thread(target=query.run, daemon=True).start()
            return "333334", {"queryId": query.id, "getResultUrl": f"/queries/{query.id}/result"}
        query.run()
        if query.error is not None:
            raise query.error
        return None, query.answer(self.headers["host"], self.token())

    def chunk(self, query_id: str, start: str, count: str):
        if FAULTS.get("chunks", 0) > 0:
            FAULTS["chunks"] -= 1
            return self.send({}, FAULTS.get("chunkStatus", 503))
        if FAULTS.get("chunkStall"):
            time.sleep(FAULTS["chunkStall"])
        COUNTS["chunks"] += 1
        rows = json.dumps(QUERIES[query_id].rows(int(start), int(count) - FAULTS.get("chunkLoses", 0)))
        return self.send_bytes(gzip.compress(rows[1:-1].encode(), 1), {"content-encoding": "gzip"})

    def steer(self, what: str):
        if what == "users":
            USERS.update({name.upper(): user for name, user in self.body.items()})
        elif what == "canned":
            CANNED.update(self.body)
        elif what == "faults":
            FAULTS.clear()
            FAULTS.update(self.body)
        elif what in ("kill", "expire"):
            for token, session in list(SESSIONS.items()):
                if session["user"] == self.body["user"].upper():
                    session["expired"] = True
                    if what == "kill":
                        KILLED.add(token)
                        del SESSIONS[token]
                        for query in QUERIES.values():
                            if query.session is session:
                                query.cancel()
        elif what == "state":
            return {
                "sessions": [session for session in SESSIONS.values()],
                "running": [q.session["user"] for q in QUERIES.values() if q.status == "RUNNING"],
                "counts": COUNTS,
                "seen": SEEN,
            }
        return {}

    def send(self, answer, status: int = 200):
        return self.send_bytes(json.dumps(answer).encode(), {"content-type": "application/json"}, status)

    def send_bytes(self, content: bytes, headers: dict, status: int = 200):
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def main() -> None:
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()  # It ends with whoever started it.


main()
