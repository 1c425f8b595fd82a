"""Logs in for Schemathesis: an account for all cases, and a new one after a case has ended it."""

import os
import uuid

import requests
import schemathesis

base = os.environ["TODO_BASE_URL"]
held = {"token": None}


def register() -> str:
    answer = requests.post(
        f"{base}/auth/register",
        json={"email": f"{uuid.uuid4()}@example.com", "password": "correct horse battery staple"},
        timeout=10,
    )
    answer.raise_for_status()
    return answer.json()["accessToken"]


@schemathesis.auth(refresh_interval=None)
class AccessToken:
    def get(self, case, ctx):
        if held["token"] is None:
            held["token"] = register()
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
