"""What Schemathesis cannot make up: an account, and for well-formed requests the ids, cursors and passwords that exist."""

import os
import uuid

import requests
import schemathesis

base = os.environ["TODO_BASE_URL"]
password = "correct horse battery staple"
held = {"token": None, "email": None}


def register() -> None:
    email = f"{uuid.uuid4()}@example.com"
    answer = requests.post(f"{base}/auth/register", json={"email": email, "password": password}, timeout=10)
    answer.raise_for_status()
    held.update(token=answer.json()["accessToken"], email=email)


def call(method: str, path: str, **how):
    answer = requests.request(method, f"{base}{path}", headers={"Authorization": f"Bearer {held['token']}"}, timeout=10, **how)
    answer.raise_for_status()
    return answer.json()


@schemathesis.auth(refresh_interval=None)
class AccessToken:
    """An account for all cases, and a new one after a case has ended it."""

    def get(self, case, ctx):
        if held["token"] is None:
            register()
        return held["token"]

    def set(self, case, data, ctx):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def after_call(context, case, response):
    sent = response.request.headers.get("Authorization")
    ended = case.operation.label in {"DELETE /auth/me", "POST /auth/logout"} and response.status_code == 204
    refused = response.status_code == 401 and sent == f"Bearer {held['token']}"
    if ended or refused:
        held["token"] = None


@schemathesis.hook
def before_call(context, case, **kwargs):
    """A schema says what a cursor looks like, not which one exists: a request that is meant to be accepted gets real ones."""
    mend = menders.get(case.operation.label)
    if mend is None or case.meta is None or case.meta.generation.mode.value != "positive":
        return
    if held["token"] is None:
        register()
    mend(case)


def with_account(case) -> None:
    case.body = {"email": held["email"], "password": password}


def with_cursor(case) -> None:
    if not case.query or "cursor" not in case.query:
        return
    call("POST", "/tasks/bulk", json={"create": [{"title": "one"}, {"title": "two"}]})
    sort = case.query.get("sort")
    case.query["cursor"] = call("GET", "/tasks", params={"limit": 1, **({"sort": sort} if sort else {})})["nextCursor"]


def with_any_version(case) -> None:
    if case.headers and "If-Match" in case.headers:
        case.headers["If-Match"] = "*"


def with_tasks(case) -> None:
    """Items that exist, each once, and as many as one request may have together."""
    body = case.body
    if not isinstance(body, dict):
        return
    updates, removals = body.get("update") or [], body.get("delete") or []
    made = call("POST", "/tasks/bulk", json={"create": [{"title": "made"}] * max(1, min(500, len(updates) + len(removals)))})
    ids = [task["id"] for task in made["created"]]
    body = {**body}
    if "update" in body:
        body["update"] = [{**item, "id": ids.pop()} for item in updates[:250]]
    if "delete" in body:
        body["delete"] = [ids.pop() for _ in removals[:200]]
    if "create" in body:
        body["create"] = body["create"][:50]
    if not any(body.values()):
        body["create"] = [{"title": "something to do"}]
    case.body = body


menders = {
    "POST /auth/login": with_account,
    "GET /tasks": with_cursor,
    "PATCH /tasks/{id}": with_any_version,
    "DELETE /tasks/{id}": with_any_version,
    "POST /tasks/bulk": with_tasks,
}
