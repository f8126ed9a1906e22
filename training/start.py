"""Training on from a bundle: its weights into a network that was just built.

Owns what is taken where the two differ in their topics. It trains nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.errors import BundleError
from monitor.model.bundle import WEIGHTS

if TYPE_CHECKING:
    from monitor.model.bundle import Bundle
    from training.network import TwoHeads
    from training.recipe import Recipe


def take_weights(network: TwoHeads, recipe: Recipe, bundle: Bundle) -> None:
    """Set a network's weights to those of a full bundle.

    A topic head of other topics, in another order or of another mode, stays as it was drawn.

    Raises:
        BundleError: the bundle has another encoder than the recipe's, or no weights.
    """
    from safetensors.torch import load_file

    weights = load_file(bundle.path / WEIGHTS)
    if (bundle.meta.topics, bundle.meta.topic_mode) != (recipe.topics, recipe.topic_mode):
        weights = {name: held for name, held in weights.items() if not name.startswith("topic.")}
    own = network.state_dict()
    strange = [
        name for name, held in weights.items() if name not in own or held.shape != own[name].shape
    ]
    lacking = [name for name in own if name not in weights and not name.startswith("topic.")]
    if strange or lacking or bundle.meta.base_model.sha256 != recipe.base.sha256:
        raise BundleError(
            f"{bundle.path}: trained from {bundle.meta.base_model.id}, so the recipe's encoder "
            f"{recipe.base.id} can't go on from its weights; name that base, or train anew"
        )
    network.load_state_dict(own | weights)
