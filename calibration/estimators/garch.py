"""Whether the volatility of returns clusters: GARCH(1,1) or GJR-GARCH(1,1,1), by `arch`.

Returns r[t] over one to five minutes, without their season, in units of their deviation:

    r[t] = s[t] e[t],   s[t+1]^2 = omega + (alpha + gamma [r[t] < 0]) r[t]^2 + beta s[t]^2,

e a Student t with nu degrees of freedom and unit variance; gamma is 0 unless asymmetric. The
persistence alpha + gamma / 2 + beta is what is left of a shock to the variance one step later; it
halves in -ln 2 / ln(persistence) steps. A diagnostic: the simulator's volatility is to cluster
like the market's. Standard errors are the sandwich's. Days are joined without their nights.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from arch.univariate import GARCH, StudentsT, ZeroMean
from numpy.typing import NDArray
from statsmodels.stats.diagnostic import acorr_ljungbox

from calibration.estimate import Caution, Estimate

RETURNS_LEAST = 250
LJUNG_BOX_LAGS = 10
NO_MOVE_MOST = 0.5  # of the returns: beyond, there is no volatility to speak of

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Garch:
    """The fit, with returns in units of `scale`."""

    omega: Estimate
    alpha: Estimate
    gamma: Estimate
    beta: Estimate
    nu: Estimate
    persistence: Estimate
    half_life_s: float  # infinite with a persistence of 1 or more
    scale: float
    ljung_box_p: float  # of squared residuals; small: clustering is left
    ljung_box_before_p: float  # of squared returns
    converged: bool
    cautions: tuple[Caution, ...] = ()

    def simulate(self, n: int, rng: np.random.Generator) -> _Floats:
        """That many returns, from the stationary variance on."""
        omega, alpha, gamma, beta, nu = (
            float(np.asarray(each.value))
            for each in (self.omega, self.alpha, self.gamma, self.beta, self.nu)
        )
        noise = rng.standard_t(nu, n) * math.sqrt((nu - 2) / nu)
        variance = omega / max(1 - alpha - gamma / 2 - beta, 1e-6)
        returns = np.empty(n)
        for t in range(n):
            returns[t] = math.sqrt(variance) * noise[t]
            slope = alpha + (gamma if returns[t] < 0 else 0.0)
            variance = omega + slope * returns[t] ** 2 + beta * variance
        return np.asarray(self.scale * returns)


def fit_garch(days: Sequence[_Floats], bin_s: float, *, asymmetric: bool = False) -> Garch:
    """The fit to returns of one or more days.

    Args:
        days: returns without their season, no night among them.
        bin_s: what one return spans.
        asymmetric: GJR: falls may raise the variance more than rises.

    Raises:
        ValueError: a return is not finite.
    """
    returns = np.concatenate([np.asarray(day, dtype=np.float64) for day in days])
    if not np.isfinite(returns).all():
        raise ValueError("days: expected finite returns; leave out those across a gap")
    n, scale = len(returns), float(returns.std()) if len(returns) else 0.0
    if n < RETURNS_LEAST:
        text = f"expected {RETURNS_LEAST} returns, got {n}; constant variance instead"
        return _constant(scale, Caution("garch_too_few_returns", "garch", text))
    if np.mean(returns == 0) > NO_MOVE_MOST:
        text = f"{np.mean(returns == 0):.0%} of the returns are 0; constant variance instead"
        return _constant(scale, Caution("garch_no_moves", "garch", text))
    model = ZeroMean(
        returns / scale, volatility=GARCH(1, int(asymmetric), 1), distribution=StudentsT()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # told by `converged`
        found = model.fit(disp="off", show_warning=False)
    return _result(found, returns, bin_s, scale, asymmetric=asymmetric)


def _constant(scale: float, caution: Caution) -> Garch:
    zero = Estimate.borrowed(0.0, "constant variance")
    return Garch(
        omega=Estimate.borrowed(1.0, "constant variance"),
        alpha=zero,
        gamma=zero,
        beta=zero,
        nu=Estimate.borrowed(30.0, "nearly normal"),
        persistence=zero,
        half_life_s=0.0,
        scale=scale,
        ljung_box_p=math.nan,
        ljung_box_before_p=math.nan,
        converged=False,
        cautions=(caution,),
    )


def _result(found: Any, returns: _Floats, bin_s: float, scale: float, *, asymmetric: bool) -> Garch:
    n, values, errors = len(returns), found.params, found.std_err
    covariance = found.param_cov

    def estimate(name: str) -> Estimate:
        if name not in values:
            return Estimate.fixed(0.0, "symmetric")
        return Estimate(float(values[name]), float(errors[name]), n)

    weights = {"alpha[1]": 1.0, "beta[1]": 1.0, **({"gamma[1]": 0.5} if asymmetric else {})}
    names = list(weights)
    slopes = np.array([weights[name] for name in names])
    persistence = float(slopes @ values[names].to_numpy())
    variance = float(slopes @ covariance.loc[names, names].to_numpy() @ slopes)
    cautions = []
    if found.convergence_flag != 0:
        cautions.append(Caution("garch_not_converged", "garch", "the optimiser did not converge"))
    if persistence > 0.999:
        text = f"persistence {persistence:.4f}: shocks to the variance do not fade; a half-life "
        text += "means little, and a change of level would look alike"
        cautions.append(Caution("garch_integrated", "garch", text))
    if values["alpha[1]"] < 1e-4:
        text = "no clustering was found (alpha at 0): beta and the half-life are not identified"
        cautions.append(Caution("garch_no_clustering", "garch", text))
    squares = np.asarray(found.std_resid, dtype=np.float64) ** 2
    return Garch(
        omega=estimate("omega"),
        alpha=estimate("alpha[1]"),
        gamma=estimate("gamma[1]"),
        beta=estimate("beta[1]"),
        nu=estimate("nu"),
        persistence=Estimate(persistence, math.sqrt(max(variance, 0.0)), n),
        half_life_s=_half_life(persistence) * bin_s,
        scale=scale,
        ljung_box_p=_ljung_box(squares),
        ljung_box_before_p=_ljung_box((returns / scale) ** 2),
        converged=found.convergence_flag == 0,
        cautions=tuple(cautions),
    )


def _half_life(persistence: float) -> float:
    """In steps."""
    if persistence <= 0.0:
        return 0.0
    return math.inf if persistence >= 1.0 else -math.log(2) / math.log(persistence)


def _ljung_box(squares: _Floats) -> float:
    table = acorr_ljungbox(squares, lags=[LJUNG_BOX_LAGS])
    return float(table["lb_pvalue"].iloc[0])
