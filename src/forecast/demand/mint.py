"""Minimum-trace reconciliation at scale: sparse sums, diagonal plus low-rank error covariance, no dense matrix.

Of all linear unbiased ways to make forecasts coherent, ``b = (S' W⁻¹ S)⁻¹ S' W⁻¹ y`` has the least error variance when
W is the covariance of the base errors. With S = [A; I] it is a correction of the bottom forecasts that vanishes when
they already add up: ``b = y_b + N⁻¹ S' W⁻¹ (y - S y_b)``, N = S' W⁻¹ S.

References
----------
Wickramasuriya, Athanasopoulos & Hyndman (2019), Optimal forecast reconciliation through trace minimization. JASA 114.
Wickramasuriya, Turlach & Hyndman (2020), Optimal non-negative forecast reconciliation. Stat. Comput. 30.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from forecast.demand.hierarchy import Hierarchy
from forecast.demand.matrix import Floats

#: Nodes that the preconditioner treats exactly; M5 has 154 above its items.
N_EXACT = 400
#: Conjugate gradients stop at this part of the first residual, far below what a forecast is known to.
TOLERANCE = 1e-9
#: The same in the first round of the active set, and in the last one.
ROUGH, FINE = 1e-3, 1e-7
MAX_ITERATIONS = 500
#: Rounds of the active set; those that are still negative then are cut at 0.
MAX_ROUNDS = 30

Mask = NDArray[np.bool_]
Operator = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Covariance:
    """W, the covariance of base errors over all nodes: a diagonal plus a factor times its transpose.

    Attributes
    ----------
    diagonal : array of shape (n_nodes,)
        Positive; infinite for an upper node without a forecast, which then has no say.
    factor : array of shape (n_nodes, rank)
        Rank 0 for a diagonal W.
    """

    diagonal: Floats
    factor: Floats

    @classmethod
    def of_diagonal(cls, variance: Floats) -> "Covariance":
        """Errors of nodes taken as independent."""
        return cls(variance, np.empty((len(variance), 0)))


@dataclass(frozen=True)
class NormalEquations:
    """N x = r for N = S' W⁻¹ S, solved by preconditioned conjugate gradients, all columns at once.

    The preconditioner inverts the bottom's own part and that of the `N_EXACT` nodes with most say exactly. What is left
    of the condition number is at most 1 plus, summed over levels, the largest ratio of the bottom's variances in a
    node to the node's own: small, since left are nodes of few series.
    """

    hierarchy: Hierarchy
    covariance: Covariance

    @cached_property
    def _precision(self) -> tuple[Floats, Floats]:
        """Inverse of the diagonal of W, of the upper nodes and of the bottom, as columns."""
        inverse = 1 / self.covariance.diagonal[:, None]
        n_upper = self.hierarchy.n_upper
        return inverse[:n_upper], inverse[n_upper:]

    def _diagonal_part(self, x: Floats) -> Floats:
        upper, bottom = self._precision
        a = self.hierarchy.upper
        return np.asarray(bottom * x + a.T @ (upper * (a @ x)))

    @cached_property
    def _exact_part(self) -> tuple[Any, Floats]:
        """Rows of A that are inverted exactly, and the variances of their nodes."""
        upper, bottom = self._precision
        ratio = (self.hierarchy.upper @ (1 / bottom) * upper)[:, 0]
        chosen = np.argsort(-ratio, kind="stable")[:N_EXACT]
        chosen = chosen[ratio[chosen] > 0]
        return self.hierarchy.upper[chosen], 1 / upper[chosen, 0]

    def _inner(self, free: Mask | None = None) -> Any:
        """Cholesky factor of the exact part, over the bottom series that are free."""
        rows, variance = self._exact_part
        bottom = 1 / self._precision[1][:, 0]
        used = bottom if free is None else bottom * free
        return cho_factor((rows.multiply(used) @ rows.T).toarray() + np.diag(variance))

    @cached_property
    def _inner_of_all(self) -> Any:
        return self._inner()

    def _precondition_diagonal(self, r: Floats) -> Floats:
        rows, _ = self._exact_part
        scaled = r / self._precision[1]
        if not rows.shape[0]:
            return np.asarray(scaled)
        return np.asarray(scaled - (rows.T @ cho_solve(self._inner_of_all, rows @ scaled)) / self._precision[1])

    @cached_property
    def _low_rank(self) -> tuple[Floats, Any, Floats, Any]:
        """G = S' D⁻¹ F, K = I + F' D⁻¹ F, Z = (S' D⁻¹ S)⁻¹ G and K - G' Z, which is never below I."""
        factor = self.covariance.factor
        scaled = factor / self.covariance.diagonal[:, None]
        g = np.asarray(self.hierarchy.summing.T @ scaled)
        k = np.eye(factor.shape[1]) + factor.T @ scaled
        z = conjugate_gradients(self._diagonal_part, self._precondition_diagonal, g, tolerance=TOLERANCE)
        rest = k - g.T @ z
        return g, cho_factor(k), z, cho_factor((rest + rest.T) / 2)

    def weigh(self, y: Floats) -> Floats:
        """S' W⁻¹ y: shape (n_nodes, horizon) to (n_bottom, horizon)."""
        scaled = y / self.covariance.diagonal[:, None]
        simple = np.asarray(self.hierarchy.summing.T @ scaled)
        if not self.covariance.factor.shape[1]:
            return simple
        g, k, _, _ = self._low_rank
        return np.asarray(simple - g @ cho_solve(k, self.covariance.factor.T @ scaled))

    def apply(self, x: Floats) -> Floats:
        """N x."""
        if not self.covariance.factor.shape[1]:
            return self._diagonal_part(x)
        g, k, _, _ = self._low_rank
        return np.asarray(self._diagonal_part(x) - g @ cho_solve(k, g.T @ x))

    def _precondition_rank(self, r: Floats) -> Floats | float:
        if not self.covariance.factor.shape[1]:
            return 0.0
        _, _, z, rest = self._low_rank
        return np.asarray(z @ cho_solve(rest, z.T @ r))

    def solve(self, r: Floats) -> Floats:
        """N⁻¹ r, of shape (n_bottom, horizon)."""
        return conjugate_gradients(
            self.apply, lambda x: self._precondition_diagonal(x) + self._precondition_rank(x), r, tolerance=TOLERANCE
        )

    def solve_free(self, r: Floats, free: Mask, start: Floats, tolerance: Floats) -> Floats:
        """X with N x = r over the free entries only, 0 at the others; ``free`` and ``start`` of the shape of ``r``."""
        rows, _ = self._exact_part
        factors = [self._inner(column) for column in free.T] if rows.shape[0] else []

        def precondition(x: Floats) -> Floats:
            scaled = x / self._precision[1]
            if factors:
                sums = rows @ scaled
                pulled = [cho_solve(factor, column) for factor, column in zip(factors, sums.T, strict=True)]
                scaled -= rows.T @ np.column_stack(pulled) / self._precision[1]
            return free * (scaled + self._precondition_rank(x))

        return conjugate_gradients(
            lambda x: free * self.apply(x), precondition, free * r, start=free * start, tolerance=tolerance
        )


def conjugate_gradients(
    apply: Operator, precondition: Operator, r: Floats, *, tolerance: float | Floats, start: Floats | None = None
) -> Floats:
    """Solve a positive definite system for each column of ``r``, of shape (n, n_columns).

    Parameters
    ----------
    apply, precondition : functions of an array of that shape
    r : array
    tolerance : float or array of shape (n_columns,)
        Columns stop at this part of ``r``, in the norm of the preconditioner.
    start : array, optional
    """
    x = np.zeros_like(r) if start is None else start.copy()
    residual = r.copy() if start is None else r - apply(start)
    goal = tolerance**2 * (r * precondition(r)).sum(axis=0)
    step = precondition(residual)
    size = (residual * step).sum(axis=0)
    for _ in range(MAX_ITERATIONS):
        is_open = size > goal
        if not is_open.any():
            break
        image = apply(step)
        curvature = (step * image).sum(axis=0)
        length = np.where(is_open & (curvature > 0), size / np.where(curvature > 0, curvature, 1), 0)
        x += length * step
        residual -= length * image
        conditioned = precondition(residual)
        new_size = (residual * conditioned).sum(axis=0)
        step = conditioned + np.where(is_open, new_size / np.where(size > 0, size, 1), 0) * step
        size = np.where(is_open, new_size, size)
    return x


def mint(base: Floats, hierarchy: Hierarchy, covariance: Covariance, *, non_negative: bool = False) -> Floats:
    """Bottom forecasts whose sums fit the base forecasts of all nodes best.

    Parameters
    ----------
    base : array of shape (n_nodes, horizon)
        Any finite value where the covariance is infinite.
    hierarchy : Hierarchy
    covariance : Covariance
    non_negative : bool
        Least squares under b >= 0, by an active set: what a cut at 0 would add to the total, the other series give
        back as far as the weights say.

    Returns
    -------
    array of shape (n_bottom, horizon)
    """
    system = NormalEquations(hierarchy, covariance)
    bottom = base[hierarchy.n_upper :]
    missing = np.isinf(covariance.diagonal)[:, None]
    gap = np.where(missing, 0.0, base - hierarchy.summing @ bottom)
    result = bottom + system.solve(system.weigh(gap))
    return _non_negative(system, base, missing, result) if non_negative and (result < 0).any() else result


def _non_negative(system: NormalEquations, base: Floats, missing: Mask, result: Floats) -> Floats:
    """Optimum under b >= 0: entries leave when negative, come back when their gradient points up."""
    target = system.weigh(np.where(missing, 0.0, base))
    variance = system.covariance.diagonal[system.hierarchy.n_upper :, None]
    # Smaller negatives and pulls are the tolerance of the solver.
    small = 1e-7 * float(np.abs(result).max())
    free = result >= -small
    # Signs need few digits: a column is solved in full once its signs have come to rest.
    tolerance = np.where(free.all(axis=0), 0.0, ROUGH)
    for _ in range(MAX_ROUNDS):
        columns = np.flatnonzero(tolerance)
        if not len(columns):
            break
        within = free[:, columns]
        part = system.solve_free(target[:, columns], within, np.maximum(result[:, columns], 0), tolerance[columns])
        pull = variance * (target[:, columns] - system.apply(part))
        leaving, coming = within & (part < -small), ~within & (pull > small)
        result[:, columns], free[:, columns] = part, (within & ~leaving) | coming
        moved, exact = (leaving | coming).any(axis=0), tolerance[columns] <= FINE
        tolerance[columns] = np.where(moved, np.maximum(tolerance[columns] / 4, FINE), np.where(exact, 0.0, FINE))
    return np.maximum(result, 0.0)
