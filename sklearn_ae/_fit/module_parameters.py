"""Parameters of the user's network, as `module__name`, beside the estimator's own."""

from typing import Any, Self

from sklearn.base import BaseEstimator

PREFIX = "module__"


class ModuleParametersMixin(BaseEstimator):
    """Lets `get_params`, `set_params` and `clone` know what starts with `module__`.

    These are attributes as other parameters are, and last as long as the estimator.
    """

    def _set_module_parameters(self, parameters: dict[str, Any]) -> None:
        """Assign what the constructor was given beside its own parameters."""
        for name, value in parameters.items():
            if not name.startswith(PREFIX):
                raise TypeError(
                    f"{type(self).__name__}.__init__() got an unexpected keyword "
                    f"argument {name!r}"
                )
            setattr(self, name, value)

    def _get_module_parameters(self) -> dict[str, Any]:
        """Return the arguments for the network's class, without the prefix."""
        return {
            name.removeprefix(PREFIX): value
            for name, value in vars(self).items()
            if name.startswith(PREFIX)
        }

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of this estimator, those of `module` included.

        Parameters
        ----------
        deep : bool, default=True
            Whether to return the parameters of contained estimators as well.

        Returns
        -------
        params : dict
            Parameter names mapped to their values.
        """
        own: dict[str, Any] = super().get_params(deep=deep)
        return own | {n: v for n, v in vars(self).items() if n.startswith(PREFIX)}

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator, those of `module` included.

        Parameters
        ----------
        **params : dict
            Names and values; what starts with `module__` goes to the class of the
            network.

        Returns
        -------
        self : estimator instance
            The estimator.
        """
        of_module = {n: v for n, v in params.items() if n.startswith(PREFIX)}
        super().set_params(**{n: params[n] for n in params if n not in of_module})
        self._set_module_parameters(of_module)
        return self
