"""The sparse autoencoder of a campaign: trained once on its pool, measured, and pinned in a folder."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from autoselection_core.identity import fingerprint
from autoselection_core.models.autoencoder.hook import HookPoint
from autoselection_core.models.autoencoder.sae import SparseAutoencoder
from autoselection_core.models.autoencoder.sae_states import token_states
from autoselection_core.models.autoencoder.sae_training import (
    BATCH,
    SaeReport,
    SaeTraining,
    measure_reconstruction,
    states_to_read,
    train_sae,
)
from autoselection_core.models.base_model import BaseModel
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress
from autoselection_core.store.atomic import atomic_folder

if TYPE_CHECKING:
    import torch

_REPORT = "report.json"
_STATES = ".states"
_MIN_STEPS = 100
"""A small pool is seen more often, until there were so many."""

_MEASURED_ON = 20_000
"""Tokens that an autoencoder from elsewhere is measured on."""


def pin_autoencoder(
    folder: Path,
    base: BaseModel,
    pool: Pool,
    *,
    tokens: int,
    training: SaeTraining | None = None,
    progress: Progress | None = None,
) -> SaeReport:
    """Train an autoencoder on a pool, unless the folder holds one, and report its quality.

    It reads the layer at two thirds of the depth. States are kept beside the folder until the autoencoder
    is there, so that a killed process does not read them again. Then a pool that grows changes nothing about
    it: to fit it again, remove the folder.

    Args:
        folder: Its folder; complete or not there.
        base: The model whose states it reads.
        pool: Read until there are enough tokens. Its ids are hashes, so its first samples are random ones.
        tokens: States of real tokens that it is trained on; fewer where the pool has fewer.
        training: Settings of the training; None for the defaults.
        progress: Called at every stage.

    Raises:
        UnreadableSaeError: The folder holds something else.
        SaeMismatchError: It was made for another model.
        StorageFullError: The disk has no room.
    """
    if folder.is_dir():
        return _report_of(folder, base, pool)
    hook = HookPoint.default(base.model.config.get_text_config().num_hidden_layers)
    kept = folder.with_name(f"{folder.name}{_STATES}")
    states = token_states(
        base,
        pool.samples(),
        hook,
        tokens=states_to_read(tokens),
        kept=kept / fingerprint({"model": base.fingerprint, "dtype": base.dtype, "pool": pool.version}),
        progress=progress,
    )
    autoencoder, report = train_sae(states, hook, _long_enough(training or SaeTraining(), states), progress)
    with atomic_folder(folder) as unfinished:
        autoencoder.save(unfinished)
        (unfinished / _REPORT).write_text(json.dumps(asdict(report)))
    shutil.rmtree(kept, ignore_errors=True)  # another process may have removed it
    return report


def _long_enough(training: SaeTraining, states: "torch.Tensor") -> SaeTraining:
    return replace(training, epochs=max(training.epochs, -(-_MIN_STEPS * BATCH // len(states))))


def _report_of(folder: Path, base: BaseModel, pool: Pool) -> SaeReport:
    """Report from its training; an autoencoder from elsewhere is measured on some samples."""
    if (folder / _REPORT).is_file():
        return SaeReport(**json.loads((folder / _REPORT).read_text()))
    autoencoder = SparseAutoencoder.load(folder)
    autoencoder.check(base.model)
    return measure_reconstruction(
        autoencoder, token_states(base, pool.samples(), autoencoder.hook, tokens=_MEASURED_ON)
    )
