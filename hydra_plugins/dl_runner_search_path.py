"""A Hydra plugin: the user's own config folders come before the package's, and those of installed plugins behind it;
their files are read and checked by `dl_runner.config.own_files`.

Every start of `dlrun` imports this module, so it imports nothing of the package at its top.
"""

from pathlib import Path

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath, SearchPathQuery
from hydra.plugins.config_source import ConfigLoadError, ConfigResult
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException


class OwnFolder(FileConfigSource):
    """A folder of the user's own, in Hydra's search path as own://PATH."""

    @staticmethod
    def scheme() -> str:
        return "own"

    def load_config(self, config_path: str) -> ConfigResult:
        """Read a file.

        Raises:
            UserError: it is malformed, or does not say what it seems to; names the file and the line.
        """
        from dl_runner.config.own_files import read_own
        from dl_runner.errors import UserError

        name = self._normalize_file_name(config_path)
        path = Path(self.path, name)
        if not path.exists():
            raise ConfigLoadError(f"Config not found: {path}")
        values, package = read_own(Path(self.path), name)
        try:
            config = OmegaConf.create(values)
        except (OmegaConfBaseException, RecursionError) as error:
            key = getattr(error, "full_key", None)
            raise UserError(f"{path}: {f'{key}: ' if key else ''}{str(error).splitlines()[0]}") from None
        return ConfigResult(config=config, path=self.full_path(), provider=self.provider, header={"package": package})


class OwnFolders(SearchPathPlugin):
    """Puts the folders of the command line before the package's, and those of installed plugins behind."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        from dl_runner.config.search_path import installed, searched

        for folder in searched():
            search_path.prepend("dl_runner", f"{OwnFolder.scheme()}://{folder}", SearchPathQuery(provider="main"))
        for package, folder in installed().items():
            search_path.append(package, f"{OwnFolder.scheme()}://{folder}")
