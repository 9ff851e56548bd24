"""Datasets of Goldman Sachs' Marquee (factor returns, risk and macro data), by gs-quant.

Needs an application's id and secret, for which one registers there. Rows of datasets carry the
time at which they were published (`updateTime`), which is their release; a dataset without it
needs a stated lag.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import requests

from calibration.factors.fred import INSTALL
from calibration.factors.http import Patience
from calibration.factors.table import FactorError, FactorSeries, with_lag

BASE_URL = "https://api.gs.com"
TOKEN_URL = "https://idfs.gs.com/as/token.oauth2"
SCOPES = ("read_product_data",)
ID_NAME, SECRET_NAME = "GS_CLIENT_ID", "GS_CLIENT_SECRET"
PUBLISHED = "updateTime"


@dataclass(frozen=True)
class Credentials:
    """Of an application that is registered with Marquee."""

    client_id: str
    client_secret: str = field(repr=False)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Credentials:
        """Those of a process's environment.

        Raises:
            FactorError: they are not there.
        """
        missing = [name for name in (ID_NAME, SECRET_NAME) if not environment.get(name)]
        if missing:
            raise FactorError(
                f"Marquee: expected the environment variables {ID_NAME} and {SECRET_NAME} (of an "
                f"application registered there), got no {' and no '.join(missing)}"
            )
        return cls(environment[ID_NAME], environment[SECRET_NAME])


@dataclass(frozen=True)
class DatasetQuery:
    """Which numbers of which dataset."""

    dataset: str  # its id
    fields: tuple[str, ...]  # numbers among its columns
    start: date
    end: date
    where: Mapping[str, str] = field(default_factory=dict)  # chooses one row a day
    lag: timedelta | None = None  # of datasets whose rows do not say when they were published


def fetch_dataset(
    query: DatasetQuery,
    credentials: Credentials,
    *,
    base_url: str = BASE_URL,
    token_url: str = TOKEN_URL,
    patience: Patience | None = None,
) -> list[FactorSeries]:
    """Fields of a dataset as series, one value a day.

    Args:
        query: what is asked for.
        credentials: of an application.
        base_url: of the service.
        token_url: where it signs in.
        patience: time-out and tries; None: the usual.

    Raises:
        FactorError: gs-quant is missing, the service cannot be reached or refuses, or the rows
            are not what was asked for.
    """
    try:
        from gs_quant.data import Dataset
        from gs_quant.errors import MqError
        from gs_quant.session import OAuth2Session
    except ImportError as error:
        raise FactorError(f"Marquee needs gs-quant ({error}); {INSTALL}") from None
    name = query.dataset
    session = OAuth2Session("PROD", credentials.client_id, credentials.client_secret, SCOPES)
    session.domain, session.auth_url = base_url, token_url
    # Ours instead of gs-quant's, which checks no certificates.
    session._session = (patience or Patience()).session()
    try:
        session._authenticate()
        with session:
            asked = [*query.fields, *([PUBLISHED] if query.lag is None else [])]
            frame = Dataset(name).get_data(query.start, query.end, fields=asked, **query.where)
    except (MqError, requests.exceptions.RequestException, OSError) as error:
        raise FactorError(_refused(name, base_url, error)) from None
    except (ValueError, KeyError, RuntimeError) as error:
        raise FactorError(
            f"Marquee: expected rows of {name} in JSON, got something else ({error})"
        ) from None
    finally:
        session._session.close()
    return [_series(frame, field_name, query, base_url) for field_name in query.fields]


def _refused(dataset: str, base_url: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return (
        f"Marquee: {dataset} could not be fetched from {base_url} ({reason}); check the network, "
        "the credentials, and whether the application may read this dataset"
    )


def _series(frame: Any, field_name: str, query: DatasetQuery, base_url: str) -> FactorSeries:
    name, lag = f"{query.dataset}.{field_name}", query.lag
    source = f"Marquee {query.dataset}, {base_url}"
    if len(frame) == 0 or field_name not in frame:
        raise FactorError(f"{name}: expected values between the two days, got none")
    if lag is None and (PUBLISHED not in frame or bool(frame[PUBLISHED].isna().any())):
        raise FactorError(
            f"{name}: the dataset does not say when all its rows were published; state a lag"
        )
    values = pd.to_numeric(frame[field_name], errors="coerce").to_numpy(dtype=np.float64)
    known = np.isfinite(values)
    days = pd.DatetimeIndex(pd.to_datetime(frame.index, utc=True)).normalize()[known]
    rows = pd.DataFrame({"day": days})
    if lag is None:
        rows["released"] = pd.to_datetime(frame[PUBLISHED], utc=True).to_numpy()[known]
    repeated = rows.duplicated().to_numpy()  # a later release of the same day is a revision
    if repeated.any():
        raise FactorError(
            f"{name}: expected one row a day, got several on {days[repeated][0].date()}; "
            "choose one by `where`"
        )
    if lag is not None:
        dates = [stamp.date() for stamp in days]
        return with_lag(name, dates, values[known], lag=lag, source=source)
    released = pd.DatetimeIndex(rows["released"])
    return FactorSeries(name, _ns(days), _ns(released), values[known], source)


def _ns(stamps: pd.DatetimeIndex) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.asarray(stamps.as_unit("ns").asi8, dtype=np.int64)
