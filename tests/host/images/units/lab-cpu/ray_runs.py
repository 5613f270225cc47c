"""Ray starts in the container and runs tasks in other processes."""

import os

os.environ["RAY_AUTH_MODE"] = "disabled"  # nobody else is in this container
os.environ["RAY_raylet_start_wait_time_s"] = "120"  # noqa: SIM112 - Ray's spelling; as in compose.yaml

import ray

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=80 * 2**20)


@ray.remote
def work(i: int) -> tuple[int, int]:
    """The square of `i` and the process that computed it."""
    return i * i, os.getpid()


results = ray.get([work.remote(i) for i in range(20)])
assert [square for square, _ in results] == [i * i for i in range(20)]
assert os.getpid() not in {pid for _, pid in results}
ray.shutdown()
