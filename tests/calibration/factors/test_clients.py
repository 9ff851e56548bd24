"""The clients against recorded responses: values, tries, time-outs, and clear refusals."""

from __future__ import annotations

import json
import socket
import sys
import time
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from calibration.factors.fred import fetch_fred
from calibration.factors.http import Patience
from calibration.factors.marquee import Credentials, DatasetQuery, fetch_dataset
from calibration.factors.table import FactorError, FactorSeries, day_ns

if TYPE_CHECKING:
    from tests.calibration.factors.conftest import Service

pytestmark = pytest.mark.global_randomness("gs-quant names its requests by it")

DAYS = date(2013, 10, 7), date(2013, 10, 11)
QUICK = Patience(timeout_s=1.0, tries=3, pause_s=0.0)
FRED_PATH = "/graph/fredgraph.csv?id=DGS10"
# As FRED answers: a holiday (14 October) has no value, and rows outside the range come too.
FRED_TEXT = """observation_date,DGS10
2013-10-04,2.66
2013-10-07,2.65
2013-10-08,2.66
2013-10-09,2.68
2013-10-10,
2013-10-11,2.70
2013-10-14,.
"""
CREDENTIALS = Credentials("an id", "a secret")
QUERY = "/v1/data/FACTOR_RETURNS/query"
CATALOGUE = {
    "fields": {
        "date": {"type": "string", "format": "date"},
        "return": {"type": "number"},
        "updateTime": {"type": "string", "format": "date-time"},
    }
}


def row(day: str, value: float | None, published: str = "") -> dict[str, object]:
    stamp = {"updateTime": published} if published else {}
    return {"date": day, "return": value, **stamp}


def from_fred(service: Service, **changes: object) -> list[FactorSeries]:
    arguments = {"lag": timedelta(days=1), "base_url": service.url, "patience": QUICK}
    return fetch_fred(["DGS10"], *DAYS, **{**arguments, **changes})  # type: ignore[arg-type]


def from_marquee(service: Service, **changes: object) -> list[FactorSeries]:
    query = DatasetQuery("FACTOR_RETURNS", ("return",), *DAYS, **changes)  # type: ignore[arg-type]
    return fetch_dataset(
        query, CREDENTIALS, base_url=service.url, token_url=f"{service.url}/token", patience=QUICK
    )


@pytest.fixture
def marquee(service: Service) -> Service:
    service.answer("/token", {"access_token": "a token"})
    service.answer("/v1/data/catalog/FACTOR_RETURNS", CATALOGUE)
    return service


def test_fred_series_are_read_within_the_days_and_known_after_the_lag(service: Service) -> None:
    service.answer(FRED_PATH, FRED_TEXT)
    (rates,) = from_fred(service)
    assert rates.values.tolist() == [2.65, 2.66, 2.68, 2.70]
    assert rates.observed_ns[0] == day_ns(DAYS[0])
    assert np.all(rates.released_ns - rates.observed_ns == 86_400 * 10**9)
    assert "DGS10" in rates.source


def test_fred_is_asked_again_after_a_failure(service: Service) -> None:
    service.answer(FRED_PATH, "busy", status=503)
    service.answer(FRED_PATH, "busy", status=429)
    service.answer(FRED_PATH, FRED_TEXT)
    assert len(from_fred(service)[0].values) == 4
    assert len(service.asked) == 3


def test_fred_gives_up_with_a_clear_sentence(service: Service) -> None:
    service.answer(FRED_PATH, "busy", status=503)
    with pytest.raises(FactorError, match=r"DGS10 could not be fetched .* check the network"):
        from_fred(service)
    assert len(service.asked) == QUICK.tries


def test_fred_without_such_a_series_or_with_an_empty_one(service: Service) -> None:
    with pytest.raises(FactorError, match="the name of the series"):
        from_fred(service)
    service.answer(FRED_PATH, "observation_date,DGS10\n2013-10-08,.\n")
    with pytest.raises(FactorError, match="expected values of DGS10 between the two days"):
        from_fred(service)


def test_fred_that_answers_with_a_page_is_no_table(service: Service) -> None:
    service.answer(FRED_PATH, "<html>\n<body>under maintenance</body>\n</html>\n")
    with pytest.raises(FactorError, match=r"DGS10"):
        from_fred(service)


def test_nobody_waits_longer_than_he_has_patience() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(FactorError, match="could not be fetched"):
            fetch_fred(
                ["DGS10"],
                *DAYS,
                lag=timedelta(0),
                base_url=url,
                patience=Patience(timeout_s=0.2, tries=2, pause_s=0.0),
            )
        assert time.monotonic() - began < 5.0


def test_without_a_network_the_sentence_is_clear() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(FactorError, match="check the network"):
        fetch_fred(["DGS10"], *DAYS, lag=timedelta(0), base_url=url, patience=QUICK)
    query = DatasetQuery("D", ("x",), *DAYS)
    with pytest.raises(FactorError, match="check the network"):
        fetch_dataset(query, CREDENTIALS, base_url=url, token_url=url, patience=QUICK)


def test_without_the_extra_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas_datareader.fred", None)
    monkeypatch.setitem(sys.modules, "gs_quant.data", None)
    how = r"install the extra `macro`: pip install"
    with pytest.raises(FactorError, match=f"FRED needs pandas-datareader .*{how}"):
        fetch_fred(["DGS10"], *DAYS, lag=timedelta(0))
    with pytest.raises(FactorError, match=f"Marquee needs gs-quant .*{how}"):
        fetch_dataset(DatasetQuery("D", ("x",), *DAYS), CREDENTIALS)


def test_marquee_rows_are_known_from_their_publication_on(marquee: Service) -> None:
    rows = [
        row("2013-10-07", 0.1, "2013-10-08T05:00:00.000Z"),
        row("2013-10-08", None, "2013-10-09T05:00:00.000Z"),
        row("2013-10-07", 0.15, "2013-10-10T05:00:00.000Z"),  # a revision
    ]
    marquee.answer(QUERY, {"data": rows})
    (returns,) = from_marquee(marquee, where={"factor": "Value"})
    assert returns.values.tolist() == [0.1, 0.15]
    known = returns.known_at(np.array([day_ns(date(2013, 10, day)) for day in (8, 9, 11)]))
    assert np.isnan(known[0])
    assert known[1:].tolist() == [0.1, 0.15]
    (asked,) = marquee.bodies(QUERY)
    assert json.loads(asked)["where"] == {"factor": "Value"}
    assert marquee.bodies("/token")[0].startswith("grant_type=client_credentials&client_id=an+id")
    (sent,) = (headers for path, _, headers in marquee.asked if path == QUERY)
    assert sent["Authorization"] == "Bearer a token"


def test_marquee_rows_without_a_publication_need_a_lag(marquee: Service) -> None:
    marquee.answer(QUERY, {"data": [row("2013-10-07", 0.1)]})
    with pytest.raises(FactorError, match="state a lag"):
        from_marquee(marquee)
    (returns,) = from_marquee(marquee, lag=timedelta(hours=30))
    assert returns.released_ns[0] == day_ns(DAYS[0]) + 30 * 3600 * 10**9


def test_marquee_rows_that_are_not_one_a_day_are_refused(marquee: Service) -> None:
    marquee.answer(QUERY, {"data": [row("2013-10-07", 0.1), row("2013-10-07", 0.2)]})
    with pytest.raises(FactorError, match="several on 2013-10-07; choose one by `where`"):
        from_marquee(marquee, lag=timedelta(days=1))


def test_marquee_without_rows_or_rights(marquee: Service) -> None:
    marquee.answer(QUERY, {"data": []})
    with pytest.raises(FactorError, match="expected values between the two days, got none"):
        from_marquee(marquee)
    marquee.answers[QUERY] = [(403, "application/json", "{}")]
    with pytest.raises(FactorError, match="whether the application may read this dataset"):
        from_marquee(marquee)
    marquee.answers["/token"] = [(401, "application/json", "{}")]
    with pytest.raises(FactorError, match="the credentials"):
        from_marquee(marquee)


def test_credentials_come_from_the_environment_and_are_not_shown() -> None:
    environment = {"GS_CLIENT_ID": "an id", "GS_CLIENT_SECRET": "a secret"}
    credentials = Credentials.of(environment)
    assert credentials == CREDENTIALS
    assert "a secret" not in repr(credentials)
    with pytest.raises(FactorError, match="got no GS_CLIENT_SECRET"):
        Credentials.of({"GS_CLIENT_ID": "an id"})
