"""The Docker engine as everything here uses it: one network, names with the prefix, ports on loopback."""

import contextlib
import logging
from collections.abc import Callable

import docker
from docker.models.containers import ContainerCollection
from docker.types import EndpointConfig, IPAMConfig, IPAMPool
from ministack import app

log = logging.getLogger("emulator")

# The default VPC, which is where the templates believe proxies.
SUBNETS = [f"172.31.{n}.0/24" for n in range(64, 192)]


class Engine:
    def __init__(self, prefix: str):
        self.prefix = prefix
        self.network = f"{prefix}-vpc"
        self.client = docker.from_env(timeout=120)
        # Asked with a container's labels: the names it has in the network.
        self.aliases: list[Callable[[dict], list[str]]] = []
        self.is_ending = False
        self._patch()

    def make_network(self) -> None:
        for subnet in SUBNETS:
            try:
                ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)])
                self.client.networks.create(self.network, driver="bridge", ipam=ipam)
                return
            except docker.errors.APIError as error:
                if "overlap" not in str(error):
                    raise
        log.warning("no address of the default VPC is free: proxies will not be believed")
        self.client.networks.create(self.network, driver="bridge")

    def remove_everything(self) -> None:
        """Also what an emulator of the same prefix left that was killed."""
        mine = f"{self.prefix}-"
        while left := [each for each in self._containers() if each.name.startswith(mine)]:
            for container in left:
                with contextlib.suppress(docker.errors.NotFound):
                    container.remove(force=True, v=True)
        for kind in (self.client.networks, self.client.volumes):
            for thing in kind.list():
                if thing.name.startswith(mine):
                    thing.remove()

    def _containers(self) -> list:
        return self.client.containers.list(all=True, ignore_removed=True)

    def named(self, name: str) -> str:
        """The name that stands for one of MiniStack's."""
        return self.prefix + name.removeprefix("ministack") if name.startswith("ministack-") else name

    def _patch(self) -> None:
        create, get = ContainerCollection.create, ContainerCollection.get

        # Gap: names begin with ministack-, ports are open to the world, no names in the network.
        def create_here(collection, image, command=None, **options):
            if self.is_ending:
                raise RuntimeError("the emulator is ending")
            options["name"] = self.named(options.get("name") or f"{self.prefix}-unnamed")
            if options.get("ports"):
                options["ports"] = {port: ("127.0.0.1", None) for port in options["ports"]}
            if options.get("labels", {}).get("ministack") == "elasticache":
                # Not every image begins as root, who alone reads the key that is copied in.
                options["user"] = "0:0"
            if options.get("network") == self.network:
                names = [name for ask in self.aliases for name in ask(options.get("labels") or {})]
                endpoint = EndpointConfig(version=self.client.api._version, aliases=names)
                options["networking_config"] = {self.network: endpoint}
            return create(collection, image, command, **options)

        ContainerCollection.create = create_here
        ContainerCollection.get = lambda collection, name: get(collection, self.named(name))
        # Gap: at the start it removes containers of other MiniStacks that do not say whose they are.
        app._stop_docker_containers = lambda include_unlabelled=False: None
