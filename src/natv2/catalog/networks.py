"""Finished networks as a catalog entry."""

from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractVersionedDataset, Version

from natv2.atomic import whole_folder
from natv2.finished_network import StoredNetwork, StoredNetworks
from natv2.recorded import check_recorded

_SUFFIX = ".safetensors"


class NetworksDataset(AbstractVersionedDataset[StoredNetworks, StoredNetworks]):
    """A folder of networks, one safetensors file each, named after them; it may be empty.

    The folder appears when all its files are written; each file's record has its version as `run`.
    `optional`: what reads it can do without; where it is `absent`, there are no networks.
    """

    def __init__(
        self,
        *,
        filepath: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
        optional: bool = False,
    ) -> None:
        super().__init__(PurePosixPath(filepath), version)
        self.metadata = metadata
        self.optional = optional
        self.absent = False

    def load(self) -> StoredNetworks:
        """All networks of the folder. Raises UserError on a damaged or foreign file."""
        if self.absent:
            return {}
        folder = Path(self._get_load_path())
        check_recorded(folder)
        files = sorted(folder.glob(f"*{_SUFFIX}"))
        return {path.name.removesuffix(_SUFFIX): StoredNetwork.read(path) for path in files}

    def save(self, data: StoredNetworks) -> None:
        """Write all networks; an unversioned folder is replaced."""
        self.absent = False
        with whole_folder(Path(self._get_save_path())) as temporary:
            for name, network in data.items():
                self._of_this_run(network).write(temporary / f"{name}{_SUFFIX}")

    def _of_this_run(self, network: StoredNetwork) -> StoredNetwork:
        """`network` with the version that is saved in its record: a copied file says where it is from."""
        if self._version is None or not isinstance(network.header.get("record"), dict):
            return network
        record = {**network.header["record"], "run": self.resolve_save_version()}
        return StoredNetwork(network.tensors, {**network.header, "record": record})

    def _exists(self) -> bool:
        return Path(self._get_load_path()).is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}
