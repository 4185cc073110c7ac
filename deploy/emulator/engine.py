"""The Docker engine: one network, prefixed names, ports published only on loopback."""

import contextlib
import logging
from collections.abc import Callable

import docker
from docker.models.containers import ContainerCollection
from docker.types import EndpointConfig, IPAMConfig, IPAMPool
from ministack import app

log = logging.getLogger("emulator")

# Parts of the default VPC's network: the templates trust proxies only inside it.
SUBNETS = [f"172.31.{n}.0/24" for n in range(64, 192)]


class Engine:
    def __init__(self, prefix: str):
        self.prefix = prefix
        self.network = f"{prefix}-vpc"
        self.client = docker.from_env(timeout=120)
        # Each takes a container's labels and returns the container's names in the network.
        self.aliases: list[Callable[[dict], list[str]]] = []
        self.is_stopping = False
        self._patch()

    def create_network(self) -> None:
        for subnet in SUBNETS:
            try:
                ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)])
                self.client.networks.create(self.network, driver="bridge", ipam=ipam)
                return
            except docker.errors.APIError as error:
                if "overlap" not in str(error):
                    raise
        log.warning("no subnet of the default VPC is free; proxies will not be trusted")
        self.client.networks.create(self.network, driver="bridge")

    def remove_everything(self) -> None:
        """Removes every object with the prefix, including leftovers of an emulator that was killed."""
        mine = f"{self.prefix}-"
        while left := [each for each in self._containers() if each.name.startswith(mine)]:
            for container in left:
                with contextlib.suppress(docker.errors.NotFound):
                    container.remove(force=True, v=True)
        for collection in (self.client.networks, self.client.volumes):
            for each in collection.list():
                if each.name.startswith(mine):
                    each.remove()

    def _containers(self) -> list:
        return self.client.containers.list(all=True, ignore_removed=True)

    def prefixed(self, name: str) -> str:
        """Replaces MiniStack's prefix in a name with this emulator's."""
        return self.prefix + name.removeprefix("ministack") if name.startswith("ministack-") else name

    def _patch(self) -> None:
        create, get = ContainerCollection.create, ContainerCollection.get

        # Gap: names begin with ministack-, ports are open to the world, containers have no names in the network.
        def create_here(collection, image, command=None, **options):
            if self.is_stopping:
                raise RuntimeError("the emulator is stopping")
            options["name"] = self.prefixed(options.get("name") or f"{self.prefix}-unnamed")
            if options.get("ports"):
                options["ports"] = {port: ("127.0.0.1", None) for port in options["ports"]}
            if options.get("labels", {}).get("ministack") == "elasticache":
                # Not every image starts as root, and only root can read the key that is copied in.
                options["user"] = "0:0"
            if options.get("network") == self.network:
                labels = options.get("labels") or {}
                names = [name for aliases_of in self.aliases for name in aliases_of(labels)]
                endpoint = EndpointConfig(version=self.client.api._version, aliases=names)
                options["networking_config"] = {self.network: endpoint}
            return create(collection, image, command, **options)

        ContainerCollection.create = create_here
        ContainerCollection.get = lambda collection, name: get(collection, self.prefixed(name))
        # Gap: on startup it removes the unlabelled containers of other MiniStack processes.
        app._stop_docker_containers = lambda include_unlabelled=False: None
