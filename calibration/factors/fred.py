"""Series of the Federal Reserve Bank of St. Louis (FRED), by pandas-datareader.

Its public CSV has no release times and shows the latest revision: say how long after its day a
value is known (`lag`). Daily rates come out on the next business day.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import requests

from calibration.factors.http import Patience
from calibration.factors.table import FactorError, FactorSeries, with_lag

BASE_URL = "https://fred.stlouisfed.org"
INSTALL = "install the extra `macro`: pip install -c requirements.lock '.[macro]'"


def fetch_fred(
    names: Sequence[str],
    start: date,
    end: date,
    *,
    lag: timedelta,
    base_url: str = BASE_URL,
    session: requests.Session | None = None,
    patience: Patience | None = None,
) -> list[FactorSeries]:
    """Series by their FRED names, such as DGS10 or VIXCLS; days without a value are left out.

    Args:
        names: of the series.
        start: first day.
        end: last day.
        lag: from the beginning of a value's day until it is known.
        base_url: of the service.
        session: to send requests by; None: one with `patience`.
        patience: time-out and tries; None: the usual.

    Raises:
        FactorError: pandas-datareader is missing, the service cannot be reached, or has no such
            series.
    """
    try:
        from pandas_datareader._utils import RemoteDataError
        from pandas_datareader.fred import FredReader
    except ImportError as error:
        raise FactorError(f"FRED needs pandas-datareader ({error}); {INSTALL}") from None

    class Reader(FredReader):  # type: ignore[misc] # pandas-datareader has no types
        @property
        def url(self) -> str:
            return f"{base_url}/graph/fredgraph.csv"

    found = []
    for name in names:
        own = session or (patience or Patience()).session()
        # Tries and time-outs are the session's.
        reader = Reader([name], start, end, retry_count=0, pause=0.0, session=own)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of days that are none: see below
                frame = reader.read()
        except (RemoteDataError, requests.exceptions.RequestException, OSError) as error:
            raise FactorError(_unreachable(name, base_url, error)) from None
        except (ValueError, IndexError, KeyError, TypeError) as error:
            raise FactorError(
                f"FRED: expected a table of days and values for {name}, got something else "
                f"({error}); is there such a series?"
            ) from None
        found.append(_series(name, frame, lag, base_url))
    return found


def _unreachable(name: str, base_url: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
    return (
        f"FRED: {name} could not be fetched from {base_url} ({reason}); check the network, and "
        "the name of the series"
    )


def _series(name: str, frame: Any, lag: timedelta, base_url: str) -> FactorSeries:
    column = pd.to_numeric(frame[name], errors="coerce").dropna()
    if len(column) == 0 or not isinstance(column.index, pd.DatetimeIndex):
        raise FactorError(f"FRED: expected values of {name} between the two days, got none")
    days = [stamp.date() for stamp in column.index]
    values = column.to_numpy(dtype=np.float64)
    return with_lag(name, days, values, lag=lag, source=f"FRED {name}, {base_url}")
