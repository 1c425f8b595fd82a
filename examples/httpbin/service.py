"""httpbin, and the environment variable DELAY_MS: a revision that is slower by so much."""

import os
import time

from httpbin import app

delay_seconds = int(os.environ.get("DELAY_MS", "0")) / 1000


@app.before_request
def wait():
    time.sleep(delay_seconds)
