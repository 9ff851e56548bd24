"""Sessions that do not wait for ever: a time-out for every request, and a few tries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry


@dataclass(frozen=True)
class Patience:
    """How long and how often to try."""

    timeout_s: float = 20.0
    tries: int = 4
    pause_s: float = 0.5  # doubled after each try

    def session(self) -> requests.Session:
        """A session that has it."""
        session = requests.Session()
        self.mount(session)
        return session

    def mount(self, session: requests.Session) -> None:
        """Give it to a session of somebody else's."""
        retries = Retry(
            total=self.tries - 1,
            backoff_factor=self.pause_s,
            status_forcelist=(429, 500, 502, 503, 504),
            allowed_methods=None,  # queries by POST change nothing either
            raise_on_status=False,
            respect_retry_after_header=False,  # it could be hours
        )
        for scheme in ("http://", "https://"):
            session.mount(scheme, _PatientAdapter(self.timeout_s, retries))


class _PatientAdapter(HTTPAdapter):
    """Requests that name no time-out, or a longer one, get ours."""

    def __init__(self, timeout_s: float, retries: Retry) -> None:
        self.timeout_s = timeout_s
        super().__init__(max_retries=retries)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        asked = kwargs.get("timeout")
        own = self.timeout_s
        kwargs["timeout"] = min(asked, own) if isinstance(asked, int | float) else own
        return super().send(request, *args, **kwargs)
